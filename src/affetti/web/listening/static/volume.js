// Volume: a sound of the study is set to a comfortable level, which then stays for the whole study.

import { node, say } from "../page.js";
import { load } from "./loading.js";
import { action, prose, statusLine } from "./steps.js";
import { PlayButtons } from "./player.js";
import { t } from "./wording.js";

const KEY = "level", NOISE_SECONDS = 4;
export const START = 0.7;

/** The factor of a position of the slider: what is heard as half as loud is half as far. */
export const factor = (position) => Number(position) ** 2;

/** Pink noise as strong as a sound, for studies without a clip for practice: no clip is heard before its question. */
function noiseLike(buffer) {
  const { sampleRate } = buffer, length = Math.round(NOISE_SECONDS * sampleRate), values = new Float32Array(length);
  const power = (samples) => samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
  const state = [0, 0, 0];
  for (let i = 0; i < length; i++) {  // Paul Kellet's filter, economy version
    const white = 2 * Math.random() - 1;
    state[0] = 0.99765 * state[0] + 0.0990460 * white;
    state[1] = 0.96300 * state[1] + 0.2965164 * white;
    state[2] = 0.57000 * state[2] + 1.0526913 * white;
    values[i] = state[0] + state[1] + state[2] + 0.1848 * white;
  }
  const factor = Math.sqrt(power(buffer.getChannelData(0)) / power(values)), ramp = 0.05 * sampleRate;
  const noise = new AudioBuffer({ numberOfChannels: 1, length, sampleRate });
  noise.copyToChannel(values.map((value, i) => Math.max(-1, Math.min(1, factor * value)) * Math.min(1, i / ramp, (length - i) / ramp)), 0);
  return noise;
}

export function volume(steps, state) {
  const { sounds, store } = steps, line = statusLine();
  const slider = node("input", { type: "range", id: "volume", min: 0.05, max: 1, step: 0.01, value: store.read("volume") ?? START });
  const set = () => sounds.setLevel(factor(slider.value));
  slider.oninput = set;
  set();
  const buttons = new PlayButtons(sounds), place = node("div", { className: "plays" });
  let heard = false;
  line.textContent = t("loading");
  const { id, sounds: [first] } = state.practice[0] ?? state.trial;
  load(steps, id, first.id).then((buffer) => {
    sounds.clear();
    sounds.add(KEY, state.practice.length ? buffer : noiseLike(buffer));
    const button = buttons.make(KEY, t("volume_sound"));
    button.addEventListener("click", () => { heard = true; });
    place.append(button);
    line.textContent = "";
  }).catch(() => say(line, t("sounds_missing"), true));
  const next = action(t("next"), line, async () => {
    if (!heard) { say(line, t("volume_needed"), true); place.querySelector("button")?.focus(); return; }
    steps.volumeSet(slider.value);
  });
  return {
    title: t("volume_title"),
    content: [
      ...prose(t("volume")), place,
      node("p", { className: "volume" }, node("label", { htmlFor: "volume" }, t("volume_label")), slider),
      line, node("p", { className: "controls" }, next), node("p", { className: "small" }, t("link_note")),
    ],
  };
}
