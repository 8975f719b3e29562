// What lies behind a timeline, each part behind a disclosure: the provider's answer, callbacks, deliveries, the mirror's parts.

import { make } from "./dom.js";
import { deliveryName, providerName, say, size, verdictName } from "./words.js";

/** `before` is what was drawn last: a part that is open there stays open. */
export function drawRecords({ answer, callbacks, deliveries, file }, before) {
  const open = new Set([...(before?.querySelectorAll("details[open]") ?? [])].map(({ dataset }) => dataset.key));
  const parts = [
    answer && part("answer", say("record.answer"), answer),
    ...callbacks.map((row) => part(`callback-${row.id}`, say("record.callback", {
      provider: providerName(row.provider), verdict: row.verdict ? verdictName(row.verdict) : "–", size: size(row.body_size),
    }), parsed(row.body))),
    ...deliveries.map(({ body, ...row }) => part(`delivery-${row.id}-${row.url}`, say("record.delivery", { ...row, state: deliveryName(row.state) }), { ...row, body: parsed(body) })),
    file && part("file", say("record.file", { parts: Object.keys(file.parts ?? {}).length, size: file.size ? size(file.size) : "–" }), file),
  ].filter(Boolean);
  for (const drawn of parts) drawn.open = open.has(drawn.dataset.key);
  return make("div", { class: "records" }, ...parts);
}

const part = (key, title, content) => make("details", { "data-key": key, "aria-label": title },
  make("summary", {}, title), make("pre", { tabindex: "0", role: "group", "aria-label": title }, typeof content === "string" ? content : JSON.stringify(content, null, 2)));

/** A body is kept as it came, and may be anything; after a while it isn't kept at all. */
function parsed(body) {
  if (body == null) return say("record.gone");
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
