// The tasks pair (which of two) and spot (which of three differs).

import { node } from "../page.js";
import { radios } from "./steps.js";
import { t } from "./wording.js";

const NO_DIFFERENCE = "-1";

function choose(given, buttons, name, more = []) {
  const choices = given.sounds.map(({ id, name: letter }) => [id, node("span", {}, letter)]);
  const group = radios({ name: "choice", legend: t(name), className: "letters", choices: [...choices, ...more] });
  return {
    content: [node("div", { className: "plays" }, ...given.sounds.map(({ id, name: letter }) => buttons.make(id, letter))), group.group],
    missing: () => (group.value === null ? group : null),
    answer: () => ({ choice: Number(group.value) }),
  };
}

export const pair = (given, buttons, study) => choose(given, buttons, "pair", study.no_difference ? [[NO_DIFFERENCE, node("span", {}, t("no_difference"))]] : []);

export const spot = (given, buttons) => choose(given, buttons, "spot");
