// Consent: what the study asks for, and what becomes of the answers. Nothing is stored before it is given.

import { node, say } from "../page.js";
import { action, prose, statusLine } from "./steps.js";
import { t } from "./wording.js";

export function consent(steps, unknown = false) {
  const line = statusLine(), agree = node("input", { type: "checkbox", id: "agree" });
  const button = action(t("begin"), line, async () => {
    if (!agree.checked) { say(line, t("consent_needed"), true); agree.focus(); return; }
    steps.sounds.wake();
    await steps.join();
  });
  const box = node("label", { className: "choice agree" }, agree, node("span", {}, t("agree")));
  const note = unknown ? [node("p", { className: "note" }, t("link_unknown"))] : [];
  return { title: t("consent_title"), content: [...note, node("div", { className: "text" }, ...prose(t("welcome")), ...prose(t("consent"))), box, line, node("p", { className: "controls" }, button)] };
}
