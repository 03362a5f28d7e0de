// The end: thanks, the completion code of a panel; or what withdrawal has deleted.

import { node } from "../page.js";
import { prose } from "./steps.js";
import { t } from "./wording.js";

export function done({ code }) {
  const content = [node("div", { className: "text" }, ...prose(t("thanks")))];
  if (code) {
    const copied = node("span", { className: "status" });
    copied.setAttribute("role", "status");
    const copy = node("button", { type: "button" }, t("copy"));
    copy.onclick = () => navigator.clipboard.writeText(code).then(() => { copied.textContent = t("copied"); }, () => {});
    copy.hidden = !navigator.clipboard;
    content.push(node("p", {}, t("code")), node("p", { className: "code" }, node("output", { id: "code" }, code), copy, copied));
  }
  return { title: t("thanks_title"), content };
}

export function gone() { return { title: t("withdrawn_title"), content: prose(t("withdrawn")) }; }
