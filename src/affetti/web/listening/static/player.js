// Buttons that play sounds: one a sound, with how far it is and whether it has been heard whole.

import { everyFrame, node } from "../page.js";
import { element } from "../svg.js";
import { t } from "./wording.js";

const PLAY = "M8 5v14l11-7z", STOP = "M7 6h10v12H7z";
const icon = (path) => element("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, element("path", { d: path }));

export class PlayButtons {
  /** `together`: a sound starts where the one before it was; `onWhole(name)`: a sound has been heard to its end. */
  constructor(sounds, { together = false, onWhole = () => {} } = {}) {
    this.sounds = sounds;
    this.together = together;
    this.buttons = new Map();
    this.onWhole = onWhole;
    sounds.onChange = () => this.draw();
    if (PlayButtons.frames === undefined) {
      PlayButtons.frames = true;
      everyFrame(() => PlayButtons.shown?.advance());
    }
    PlayButtons.shown = this;
  }

  /** A button that plays `key`, called `name`. */
  make(key, name) {
    const bar = node("span", { className: "played" }), mark = node("span", { className: "heard" }, "\u2713");
    const face = node("span", { className: "face" }), letter = node("span", { className: "name" }, name);
    mark.setAttribute("aria-hidden", "true");
    const button = node("button", { type: "button", className: "play", onclick: () => this.press(key) }, face, letter, mark, bar);
    this.buttons.set(key, { button, bar, face, name });
    this.drawOne(key);
    return button;
  }

  press(key) {
    if (this.sounds.isPlaying(key)) this.sounds.stop();
    else if (this.together) this.sounds.switchTo(key);
    else this.sounds.play(key);
  }

  draw() { for (const key of this.buttons.keys()) this.drawOne(key); }

  drawOne(key) {
    const { button, bar, face, name } = this.buttons.get(key), playing = this.sounds.isPlaying(key), whole = this.sounds.whole(key);
    if (whole && !button.classList.contains("whole")) this.onWhole(name);
    button.classList.toggle("playing", playing);
    button.classList.toggle("whole", whole);
    face.replaceChildren(icon(playing ? STOP : PLAY));
    button.setAttribute("aria-label", `${t(playing ? "stop_sound" : "play_sound", { name })}${whole ? `, ${t("heard")}` : ""}`);
    if (!playing) bar.style.transform = "scaleX(0)";
  }

  /** Move the bar of the sound that plays. */
  advance() {
    const { now } = this.sounds;
    if (now === null) return;
    const shown = this.buttons.get(now.key);
    if (shown) shown.bar.style.transform = `scaleX(${(this.sounds.position / now.seconds).toFixed(4)})`;
  }

  /** Names of the sounds of which a part is unheard. */
  get missing() { return [...this.buttons].filter(([key]) => !this.sounds.whole(key)).map(([, { name }]) => name); }

  /** Share of each sound that was heard. */
  get shares() { return Object.fromEntries([...this.buttons.keys()].map((key) => [key, Number(this.sounds.share(key).toFixed(3))])); }

  focus(name) { [...this.buttons.values()].find((entry) => entry.name === name)?.button.focus(); }
}
