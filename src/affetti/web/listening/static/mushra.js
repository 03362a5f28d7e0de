// The task mushra (ITU-R BS.1534-3): sounds beside a reference, each rated from 0 to 100; they play in a loop, and one
// starts where the one before it was.

import { node } from "../page.js";
import { t } from "./wording.js";

const LABELS = ["bad", "poor", "fair", "good", "excellent"], START = 50;

export function mushra(given, buttons) {
  const rows = given.sounds.map(({ id, name }) => {
    const value = node("output", {}, "\u2013");
    const input = node("input", { type: "range", min: 0, max: 100, step: 1, value: START, className: "unset", "aria-label": t("mushra_rating", { name }) });
    const text = () => `${input.value}, ${t(`mushra_${LABELS[Math.min(4, Math.floor(input.value / 20))]}`)}`;
    input.setAttribute("aria-valuetext", t("not_rated"));
    const rated = () => { input.classList.remove("unset"); value.textContent = input.value; input.setAttribute("aria-valuetext", text()); };
    input.oninput = rated;
    input.onkeydown = ({ key }) => { if (key === "Enter") rated(); };
    input.onpointerup = rated;
    return { id, name, input, row: node("div", { className: "mushra-row" }, buttons.make(id, name), node("span", { className: "slider" }, input), value) };
  });
  const scale = node("div", { className: "mushra-scale" }, node("div", {}, ...LABELS.map((label) => node("span", {}, t(`mushra_${label}`)))));
  scale.setAttribute("aria-hidden", "true");
  const unrated = () => rows.find(({ input }) => input.classList.contains("unset"));
  return {
    content: [
      node("p", { className: "question" }, t("mushra")),
      node("div", { className: "plays" }, buttons.make(given.reference.id, t("reference"))),
      node("div", { className: "mushra" }, scale, ...rows.map(({ row }) => row)),
    ],
    missing() {
      const row = unrated();
      return row ? { focus: () => row.input.focus(), message: t("rate_first", { name: row.name }) } : null;
    },
    answer: () => Object.fromEntries(rows.map(({ id, input }) => [id, Number(input.value)])),
  };
}
