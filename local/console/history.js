// The credit history: the ledger's rows behind the balance, read when it is opened.

import * as api from "./api.js";
import { find, make } from "./dom.js";
import { moment, number, say, sayOr } from "./words.js";

let rows = null;

export function openHistory() {
  find("#history").ontoggle = readHistory;
}

/** Reads the newest rows again, if somebody looks at them. */
export async function readHistory() {
  if (!find("#history").open) return;
  rows = (await api.attempt(api.history))?.records ?? rows;
  drawHistory();
}

export function drawHistory() {
  if (!rows) return;
  const heads = ["historyWhen", "historyWhat", "historyCredits", "historyBalance", "historyWhy"];
  find("#history table").replaceChildren(
    make("thead", {}, make("tr", {}, ...heads.map((key) => make("th", { scope: "col" }, say(key))))),
    make("tbody", {}, ...rows.map((row) => make("tr", {},
      make("td", {}, make("time", { datetime: row.createdAt }, moment(row.createdAt))),
      make("td", {}, sayOr(`ledger.${row.transType}`, row.transType)),
      make("td", {}, number(row.credits)),
      make("td", {}, number(row.balanceAfter)),
      make("td", {}, row.videoUuid ? make("a", { href: `#video-${row.videoUuid}` }, row.videoUuid) : row.remark ?? row.orderNo ?? "")))));
}
