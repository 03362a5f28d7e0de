// The page Path: points and lines drawn on the plane, and a piece that goes along them in the time they were drawn in.

import { post } from "./api.js";
import { drawCurves } from "./chart.js";
import { MelView } from "./mel.js";
import { Pad } from "./pad.js";
import { blobUrl, byId, downloads, everyFrame, node, say } from "./page.js";

const CLICK = 1, NEAR = 0.06;  // seconds of drawing that a click stands for; a distance on the plane
const START = "Click on the plane to set the first point, or drag to draw in time.";
const distance = ([a, b], [c, d]) => Math.hypot(a - c, b - d);

export function start(catalogue) {
  const status = byId("path-status"), audio = byId("path-audio"), mel = new MelView(byId("path-mel"));
  // A stop is a place with the seconds of drawing since the one before it; `part` numbers the clicks and strokes.
  let stops = [], stroke = [], parts = 0, moving = null, playhead = () => {};

  const pad = new Pad(byId("path-plane"), {
    words: catalogue.words,
    label: "Emotion plane. Arrow keys move; each click or press of Enter adds a point of the path; dragging draws it in time.",
    onPick: (valence, arousal, final, byKey) => {
      moving = [valence, arousal];
      if (byKey) { if (usingArrows) draw(); else add([{ place: moving, seconds: CLICK }]); }
      else trace(final);
    },
  });
  // With arrow keys a point is moved until Enter sets it.
  let usingArrows = false;
  pad.svg.addEventListener("keydown", ({ key }) => { usingArrows = key.startsWith("Arrow"); }, { capture: true });
  pad.svg.addEventListener("pointerdown", () => { usingArrows = false; }, { capture: true });

  /** Follow the pointer: a place every quarter of a second or NEAR of the plane; what never moved is a click. */
  function trace(final) {
    const now = performance.now(), last = stroke.at(-1);
    if (!last || final || now - last.at > 250 || distance(last.place, moving) >= NEAR) stroke.push({ place: moving, at: now });
    if (!final) return draw();
    const drawn = stroke.some(({ place }) => distance(place, stroke[0].place) >= NEAR);
    const since = (i) => (i ? Math.max(0.02, (stroke[i].at - stroke[i - 1].at) / 1000) : CLICK);
    const traced = drawn ? stroke.map(({ place }, i) => ({ place, seconds: since(i) })) : [{ place: moving, seconds: CLICK }];
    stroke = [];
    add(traced);
  }

  function add(traced) {
    parts += 1;
    stops.push(...traced.map((stop) => ({ ...stop, part: parts })));
    moving = null;
    draw();
  }

  function draw() {
    const places = stops.map(({ place }) => place), ends = stops.filter(({ part }, i) => part !== stops[i + 1]?.part);
    pad.draw({ trail: [...places, ...stroke.map(({ place }) => place), ...(moving ? [moving] : [])], stops: ends.map(({ place }) => place), request: moving ?? undefined });
    byId("path-undo").disabled = byId("path-clear").disabled = byId("path-compose").disabled = stops.length === 0;
    if (!stops.length) return say(status, START);
    const drawn = stops.length > ends.length, count = `${ends.length} ${drawn ? "part" : "point"}${ends.length > 1 ? "s" : ""}`;
    say(status, drawn ? `${count}, as long in the piece as in the drawing, scaled to its length.` : `${count}, spread evenly over the piece.`);
  }

  function curve() {
    const [, ...later] = stops, all = later.reduce((sum, stop) => sum + stop.seconds, 0) || 1;
    const scale = Number(byId("path-seconds").value) / all;
    let time = 0;
    return stops.map(({ place: [valence, arousal], seconds }, i) => {
      time += i ? seconds * scale : 0;
      return { time: Math.round(1000 * time) / 1000, valence, arousal };
    });
  }

  async function compose() {
    const requested = curve(), seconds = Number(byId("path-seconds").value), button = byId("path-compose");
    button.disabled = true;
    say(status, "Composing\u2026");
    try {
      const body = { curve: requested, seconds, genre: byId("path-genre").value, seed: Number(byId("path-seed").value) };
      const piece = await post("/api/v1/compose", body);
      audio.src = piece.sound.url;
      audio.play().catch(() => {});
      say(status, `${Math.round(piece.seconds)} seconds in ${piece.sections.length} sections.`);
      show(piece, requested, null);
      const analysis = await post(`/api/v1/sounds/${piece.sound.id}/analysis`);
      mel.show(analysis.picture);
      show(piece, requested, analysis.prediction);
    } catch (error) { say(status, error.message, true); }
    button.disabled = stops.length === 0;
  }

  function show(piece, requested, prediction) {
    const ends = requested.length > 1 ? requested : [...requested, { ...requested[0], time: piece.seconds }];
    const curves = ["valence", "arousal"].flatMap((name) => [
      { name, requested: true, points: ends.map((point) => [point.time, point[name]]) },
      { name, points: prediction ? prediction.curve.map((point) => [point.time, point[name]]) : piece.sections.flatMap((s) => [[s.start, s[name]], [s.start + s.duration, s[name]]]) },
    ]);
    const label = prediction ? "Requested (dashed) and predicted (solid)" : "Requested (dashed) and what the cues of each section give (solid)";
    playhead = drawCurves(byId("path-curve"), piece.seconds, curves, label);
    byId("path-curve").append(node("p", { className: "status" }, `${label}.`));
    downloads(byId("path-downloads"), [
      ["FLAC", piece.sound.url, "affetti-path.flac"], ["MIDI", piece.sound.midi, "affetti-path.mid"],
      ["CSV", blobUrl(csv(piece, requested, prediction), "text/csv"), "affetti-path.csv"],
    ]);
  }

  byId("path-genre").append(...catalogue.genres.map((value) => node("option", { value }, value)));
  byId("path-genre").value = "pop";
  byId("path-undo").onclick = () => { stops = stops.filter(({ part }) => part !== stops.at(-1).part); moving = null; draw(); };
  byId("path-clear").onclick = () => { stops = []; moving = null; draw(); };
  byId("path-compose").onclick = compose;
  everyFrame(() => {
    const share = audio.duration ? audio.currentTime / audio.duration : null;
    playhead(share);
    mel.position = share;
  });
  say(status, START);
  return { leave: () => audio.pause() };
}

function csv(piece, requested, prediction) {
  const rows = requested.map((p) => `requested,${p.time},${p.valence},${p.arousal}`);
  const given = piece.sections.map((s) => `cues,${s.start},${s.valence},${s.arousal}`);
  const predicted = (prediction?.curve ?? []).map((p) => `predicted,${p.time},${p.valence ?? ""},${p.arousal ?? ""}`);
  return ["what,time,valence,arousal", ...rows, ...given, ...predicted].join("\n") + "\n";
}
