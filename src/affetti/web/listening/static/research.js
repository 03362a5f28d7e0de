// The researcher's page: how far the study is. The token stands after the # of its address, which browsers do not send.

import { byId, node, say } from "../page.js";
import { Server } from "./server.js";

const API = "api/v1/research", EVERY = 5000;
const server = new Server({ "x-researcher": location.hash.slice(1) });

const bar = (value, most) => node("meter", { min: 0, max: Math.max(most, 1), value });
const labelled = (meter, label) => { meter.setAttribute("aria-label", label); return meter; };
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const row = (head, ...cells) => node("tr", {}, node("th", { scope: "row" }, head), ...cells.map((cell) => node("td", {}, cell)));

function show({ title, task, trials, headphone_check, attention_checks, progress, clips, listeners }) {
  byId("shown").hidden = false;
  byId("title").textContent = title;
  byId("lead").textContent = `Task ${task}, ${plural(trials, "trial")} a listener, ${plural(clips.length, "clip")}.`;
  const numbers = [["Listeners", progress.listeners], ["Finished", progress.finished], ["Answers", progress.answers], ["Withdrawn", progress.withdrawn]];
  byId("numbers").replaceChildren(...numbers.map(([term, value]) => node("div", {}, node("dt", {}, term), node("dd", {}, String(value)))));
  const counts = clips.map((clip) => clip.listeners), least = Math.min(...counts), most = Math.max(...counts);
  byId("balance").textContent = `Each clip has answers of ${least < most ? `${least} to ` : ""}${plural(most, "listener")}.`;
  byId("clips").tBodies[0].replaceChildren(...clips.map((clip) => row(clip.clip, clip.system, clip.condition, labelled(bar(clip.listeners, most), `Listeners of ${clip.clip}`), String(clip.listeners))));
  byId("listeners").tBodies[0].replaceChildren(...listeners.map((one) => row(
    one.listener,
    labelled(bar(one.answers, trials), `Answers of ${one.listener}`), one.finished ? "finished" : `${one.answers} of ${trials}`,
    !headphone_check ? "\u2013" : one.headphones === null ? "not yet" : `${one.headphones} of 6`,
    attention_checks ? `${one.attention_passed} of ${one.attention_checks}` : "\u2013",
  )));
}

async function refresh() {
  try {
    show(await server.get(`${API}/progress`));
    say(byId("status"), "");
  } catch (error) {
    say(byId("status"), error.status === 0 ? "The server does not answer: is affetti listen serve running?" : error.message, true);
    if (error.status === 403) return;
  }
  setTimeout(refresh, EVERY);
}

byId("link").value = location.href.replace(/research#.*$/, "");
byId("copy").hidden = !navigator.clipboard;
byId("copy").onclick = () => navigator.clipboard.writeText(byId("link").value);
byId("download").onclick = async () => {
  try {
    const link = node("a", { href: URL.createObjectURL(await server.blob(`${API}/ratings.csv`)), download: "ratings.csv" });
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) { say(byId("status"), error.message, true); }
};
refresh();
