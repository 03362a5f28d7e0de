// What the steps share: texts of several paragraphs, a button that does its work once, a status line.

import { node, say } from "../page.js";
import { paragraphs, t } from "./wording.js";

export const prose = (text) => paragraphs(text).map((part) => node("p", {}, part));

export function statusLine() {
  const line = node("p", { className: "status" });
  line.setAttribute("role", "status");
  line.setAttribute("aria-live", "polite");
  return line;
}

/** A button whose work runs once at a time, however often it is pressed; an error is said in `line`. */
export function action(label, line, work) {
  const button = node("button", { type: "button", className: "main" }, label);
  let busy = false;
  button.onclick = async () => {
    if (busy) return;
    busy = true;
    button.setAttribute("aria-busy", "true");
    try { await work(); } catch (error) { say(line, error.temporary ? t("no_answer") : error.message, true); }
    busy = false;
    button.removeAttribute("aria-busy");
  };
  return button;
}

/** Radio buttons with a legend; `choices` are [value, ...content of its label]. */
export function radios({ name, legend, choices, className = "", onChange = () => {} }) {
  const inputs = choices.map(([value]) => node("input", { type: "radio", name, value, onchange: onChange }));
  const rows = choices.map(([, ...content], i) => node("label", { className: "choice" }, inputs[i], ...content));
  const group = node("fieldset", { className: `radios ${className}` }, node("legend", {}, legend), node("div", { className: "row" }, ...rows));
  return { group, inputs, get value() { return inputs.find((input) => input.checked)?.value ?? null; }, focus: () => inputs[0].focus() };
}
