// The page Reports: results and pages of the folders given, opened in place.

import { byId, node, say } from "./page.js";

export function start(catalogue) {
  const status = byId("reports-status"), frame = byId("report-frame"), choice = byId("report-choice");
  choice.append(...catalogue.reports.map(({ id, name }) => node("option", { value: id }, name)));
  byId("report-open").disabled = catalogue.reports.length === 0;
  if (!catalogue.reports.length) say(status, "Start affetti serve with --results FOLDER to see results here (affetti demo makes some: affetti-demo).");
  byId("report-open").onclick = async () => {
    say(status, "Making the page\u2026");
    const url = `/api/v1/reports/${choice.value}`;
    try {
      const response = await fetch(url);
      if (!response.ok) {
        const { error } = await response.json();
        throw new Error(error.hint ? `${error.message}: ${error.hint}` : error.message);
      }
      frame.hidden = false;
      frame.src = url;
      say(status, "");
    } catch (error) { say(status, error.message, true); }
  };
  return { leave: () => {} };
}
