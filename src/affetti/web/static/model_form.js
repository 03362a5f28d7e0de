// What is requested of a generator besides the emotion: seed, conditions and sampling parameters.

import { node } from "./page.js";

/**
 * Fill `form` for `model`; `onChange` is called when something is changed. With `song` what follows from the place in
 * a song is left out, and all but the seed is folded.
 * Returns a function that gives the settings as a request takes them.
 */
export function modelForm(form, model, { onChange = () => {}, song = false } = {}) {
  const prefix = form.id, inputs = {}, conditions = {};
  const row = (label, control, note) => node("div", { className: "cue" }, node("label", { htmlFor: control.id }, label), control, node("span", { className: "effect" }, note ?? ""));
  const rows = [];
  const seed = node("input", { type: "number", id: `${prefix}-seed`, min: 0, max: 99999, value: 0, onchange: onChange });
  rows.push(row("Seed", seed));
  const choice = (name, options, multiple) => {
    if (!options.length) return;
    const blank = multiple ? [] : [node("option", { value: "" }, "any")];
    const select = node("select", { id: `${prefix}-${name}`, multiple, onchange: onChange }, ...blank, ...options.map((value) => node("option", { value }, value)));
    conditions[name] = () => (multiple ? [...select.selectedOptions].map(({ value }) => value) : select.value);
    rows.push(row(capital(name), select, multiple ? "Ctrl or Shift chooses several" : ""));
  };
  choice("genre", model.genres);
  choice("mode", model.modes);
  if (!song) choice("section", model.sections);
  choice("instruments", model.instruments, true);
  if (model.lyrics) {
    const words = node("textarea", { id: `${prefix}-lyrics`, rows: 3, onchange: onChange });
    conditions.lyrics = () => words.value;
    rows.push(row("Lyrics", words));
  }
  const parameters = model.sampling.map(({ name, default: usual, minimum, maximum, meaning }) => {
    inputs[name] = node("input", { type: "number", id: `${prefix}-${name}`, min: minimum, max: maximum ?? "", step: "any", value: usual, onchange: onChange });
    return row(capital(name), inputs[name], meaning);
  });
  const folded = (title, entries) => (entries.length ? [node("details", {}, node("summary", {}, title), ...entries)] : []);
  const [first, ...others] = rows, wanted = song ? folded(`What else is requested`, others) : others;
  const title = song ? [] : [node("h3", {}, `Requested of ${model.name}, besides the emotion`)];
  form.replaceChildren(...title, first, ...wanted, ...folded("Sampling parameters", parameters));
  form.onsubmit = (event) => event.preventDefault();

  return () => {
    const chosen = Object.entries(conditions).map(([name, value]) => [name, value()]).filter(([, value]) => value.length);
    const changed = model.sampling.filter(({ name, default: usual }) => Number(inputs[name].value) !== usual);
    return {
      seed: Number(seed.value),
      conditions: Object.fromEntries(chosen),
      sampling: Object.fromEntries(changed.map(({ name }) => [name, Number(inputs[name].value)])),
    };
  };
}

const capital = (word) => word[0].toUpperCase() + word.slice(1);
