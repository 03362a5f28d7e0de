// The emotion plane: valence to the right, arousal upwards, each from -1 to 1.

import { element, points } from "./svg.js";

const SIZE = 400, EDGE = 28, STEP = 0.05;
const clamp = (value) => Math.min(1, Math.max(-1, value));
export const signed = (value) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(2);

/** What the plane calls the ends of its axes. */
const ENDS = { pleasant: "valence \u2192 pleasant", unpleasant: "\u2190 unpleasant", excited: "arousal \u2191 energetic", calm: "low energy \u2193" };

export class Pad {
  /** `onPick(valence, arousal, final, byKey)` is called while the pointer moves, with `final` at the end, and at a key. */
  constructor(container, { words, label, onPick, ends = ENDS }) {
    this.onPick = onPick;
    this.emotion = [0, 0];
    this.svg = element("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "pad", tabindex: 0, role: "application", "aria-label": label });
    this.svg.append(element("rect", { x: EDGE, y: EDGE, width: SIZE - 2 * EDGE, height: SIZE - 2 * EDGE, rx: 6, class: "back" }));
    const [x0, y0] = this.place(0, 0);
    // Words on the plane leave no room at the axis itself.
    const beside = Object.keys(words).length ? SIZE - 9 : y0 - 8, inset = Object.keys(words).length ? EDGE : EDGE + 6;
    this.svg.append(
      element("line", { x1: EDGE, x2: SIZE - EDGE, y1: y0, y2: y0, class: "axis" }),
      element("line", { x1: x0, x2: x0, y1: EDGE, y2: SIZE - EDGE, class: "axis" }),
      element("text", { x: SIZE - inset, y: beside, "text-anchor": "end", class: "corner" }, ends.pleasant),
      element("text", { x: inset, y: beside, class: "corner" }, ends.unpleasant),
      element("text", { x: x0, y: 18, "text-anchor": "middle", class: "corner" }, ends.excited),
      element("text", { x: x0, y: SIZE - 9, "text-anchor": "middle", class: "corner" }, ends.calm),
    );
    const taken = [];
    for (const [word, emotion] of Object.entries(words)) {
      let [x, y] = this.place(...emotion);
      // A word that would lie on another one moves down.
      while (taken.some(([otherX, otherY]) => Math.abs(otherX - x) < 62 && Math.abs(otherY - y) < 15)) y += 5;
      taken.push([x, y]);
      this.svg.append(element("text", { x, y: y + 4, class: "word" }, word));
    }
    this.marks = element("g");
    this.svg.append(this.marks);
    container.append(this.svg);
    if (onPick) this.listen();
  }

  place(valence, arousal) {
    const span = (SIZE - 2 * EDGE) / 2;
    return [EDGE + (valence + 1) * span, EDGE + (1 - arousal) * span];
  }

  listen() {
    const pick = (event, final) => {
      const box = this.svg.getBoundingClientRect(), scale = SIZE / box.width, span = (SIZE - 2 * EDGE) / 2;
      const valence = clamp(((event.clientX - box.left) * scale - EDGE) / span - 1);
      const arousal = clamp(1 - ((event.clientY - box.top) * scale - EDGE) / span);
      this.set(valence, arousal, final);
    };
    let dragging = false;
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      dragging = true;
      this.svg.setPointerCapture(event.pointerId);
      pick(event, false);
    });
    this.svg.addEventListener("pointermove", (event) => { if (dragging) pick(event, false); });
    this.svg.addEventListener("pointerup", (event) => { if (dragging) { dragging = false; pick(event, true); } });
    this.svg.addEventListener("pointercancel", () => { dragging = false; });
    this.svg.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      const [valence, arousal] = this.emotion, step = event.shiftKey ? 4 * STEP : STEP;
      if (move) this.set(clamp(valence + move[0] * step), clamp(arousal + move[1] * step), true, true);
      else if (event.key === "Enter" || event.key === " ") this.set(valence, arousal, true, true);
      else return;
      event.preventDefault();
    });
  }

  set(valence, arousal, final, byKey = false) {
    const round = (value) => Math.round(value * 100) / 100;
    this.emotion = [round(valence), round(arousal)];
    this.onPick(...this.emotion, final, byKey);
  }

  /** Draw what is known: `request`, `given` (by the cues), `predicted` with its half axes, trails. */
  draw({ request, given, predicted, interval, trail, predictedTrail, stops }) {
    const nodes = [];
    const dot = (emotion, r, name) => {
      const [cx, cy] = this.place(...emotion);
      nodes.push(element("circle", { cx, cy, r, class: name }));
    };
    if (trail?.length > 1) nodes.push(element("polyline", { points: points(trail.map((e) => this.place(...e))), class: "trail" }));
    if (predictedTrail?.length > 1) nodes.push(element("polyline", { points: points(predictedTrail.map((e) => this.place(...e))), class: "predicted-trail" }));
    if (predicted && interval) {
      const [[left, right], [low, high]] = interval, [x0, y1] = this.place(left, low), [x1, y0] = this.place(right, high);
      nodes.push(element("ellipse", { cx: (x0 + x1) / 2, cy: (y0 + y1) / 2, rx: (x1 - x0) / 2, ry: (y1 - y0) / 2, class: "interval" }));
    }
    if (given) dot(given, 9, "given");
    for (const stop of stops ?? []) dot(stop, 6, "request");
    if (request) dot(request, 7, "request");
    if (predicted) dot(predicted, 6, "predicted");
    this.marks.replaceChildren(...nodes);
  }
}
