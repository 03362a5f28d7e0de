// The task rate: emotion on the plane or on scales, and any other scales of the study.

import { Pad, signed } from "../pad.js";
import { node } from "../page.js";
import { manikin } from "./manikin.js";
import { radios } from "./steps.js";
import { t } from "./wording.js";

const AXES = ["valence", "arousal"];

/** A point of the emotion plane, by click, drag or arrow keys. */
function plane(scales) {
  const [valence, arousal] = AXES.map((name) => scales.find((scale) => scale.name === name));
  const [unpleasant, pleasant] = valence.labels, [calm, excited] = arousal.labels;
  const legend = t("plane"), read = node("p", { className: "status", id: "plane-value" }, t("plane_help"));
  read.setAttribute("role", "status");
  const area = node("div", { className: "plane" });
  let point = null;
  const pad = new Pad(area, {
    words: {},
    ends: { pleasant: `${pleasant} \u2192`, unpleasant: `\u2190 ${unpleasant}`, excited: `${excited} \u2191`, calm: `${calm} \u2193` },
    label: `${legend} ${t("plane_help")}`,
    onPick: (x, y) => {
      point = [x, y];
      pad.draw({ request: point });
      read.textContent = `${x < 0 ? unpleasant : pleasant} ${signed(x)}, ${y < 0 ? calm : excited} ${signed(y)}`;
    },
  });
  pad.svg.setAttribute("aria-describedby", "plane-value");
  return {
    group: node("div", { className: "field" }, node("p", { className: "legend help" }, legend), area, read),
    get values() { return point === null ? null : { valence: point[0], arousal: point[1] }; },
    focus: () => pad.svg.focus(),
  };
}

/** Points of a scale as radio buttons: words for every point, or at both ends. */
function points(scale) {
  const count = scale.points, every = scale.labels.length === count, pictured = count === 9 && AXES.includes(scale.name);
  const label = (i) => every ? scale.labels[i] : String(i + 1);
  const end = (i) => (!every && (i === 0 || i === count - 1) ? `, ${scale.labels[i === 0 ? 0 : 1] ?? ""}` : "");
  const choices = Array.from({ length: count }, (_, i) => {
    const picture = pictured && i % 2 === 0 ? [manikin(scale.name, i / (count - 1))] : [];
    return [String(scale.low + i * scale.step), ...picture, node("span", {}, label(i), node("span", { className: "unseen" }, end(i)))];
  });
  const made = radios({ name: scale.name, legend: scale.question || scale.name, choices, className: every ? "words" : "points" });
  if (pictured) made.group.classList.add("pictured");
  if (!every && scale.labels.length === 2) {
    const ends = node("p", { className: "ends" }, node("span", {}, scale.labels[0]), node("span", {}, scale.labels[1]));
    ends.setAttribute("aria-hidden", "true");
    made.group.append(ends);
  }
  return {
    group: made.group,
    get values() { return made.value === null ? null : { [scale.name]: Number(made.value) }; },
    focus: made.focus,
  };
}

/** A continuous scale as a slider, which counts once it has been moved. */
function slider(scale) {
  const input = node("input", { type: "range", min: scale.low, max: scale.high, step: (scale.high - scale.low) / 100, value: (scale.low + scale.high) / 2, id: `scale-${scale.name}`, className: "unset" });
  input.oninput = () => input.classList.remove("unset");
  const ends = node("p", { className: "ends" }, node("span", {}, scale.labels[0] ?? ""), node("span", {}, scale.labels.at(-1) ?? ""));
  return {
    group: node("div", { className: "field" }, node("label", { className: "legend", htmlFor: input.id }, scale.question || scale.name), input, ends),
    get values() { return input.classList.contains("unset") ? null : { [scale.name]: Number(input.value) }; },
    focus: () => input.focus(),
  };
}

export function rate(given, buttons, study) {
  const others = study.plane ? given.scales.filter(({ name }) => !AXES.includes(name)) : given.scales;
  const fields = [...(study.plane ? [plane(given.scales)] : []), ...others.map((scale) => (scale.points ? points(scale) : slider(scale)))];
  const [sound] = given.sounds;
  return {
    content: [node("div", { className: "plays" }, buttons.make(sound.id, sound.name)), node("p", { className: "question" }, t("rate")), ...fields.map(({ group }) => group)],
    missing: () => fields.find(({ values }) => values === null) ?? null,
    answer: () => Object.assign({}, ...fields.map(({ values }) => values)),
  };
}
