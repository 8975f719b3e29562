// What lies behind a timeline, each part behind a disclosure: the provider's answer, callbacks, deliveries, the mirror's parts.

import { make } from "./dom.js";
import { deliveryName, providerName, say, size, verdictName } from "./words.js";

/** A part that is in `place` already stays there, as somebody may read in it; only what has changed is written. */
export function drawRecords(place, { answer, callbacks, deliveries, file }) {
  const drawn = new Map([...place.children].map((part) => [part.dataset.key, part]));
  const parts = [
    answer && ["answer", say("record.answer"), answer],
    ...callbacks.map((row) => [`callback-${row.id}`, say("record.callback", {
      provider: providerName(row.provider), verdict: row.verdict ? verdictName(row.verdict) : "–", size: size(row.body_size),
    }), parsed(row.body)]),
    ...deliveries.map(({ body, ...row }) => [`delivery-${row.id}-${row.url}`, say("record.delivery", { ...row, state: deliveryName(row.state) }), { ...row, body: parsed(body) }]),
    file && ["file", say("record.file", { parts: Object.keys(file.parts ?? {}).length, size: file.size ? size(file.size) : "–" }), file],
  ].filter(Boolean).map(([key, title, content]) => filled(drawn.get(key) ?? empty(key), title, content));
  parts.forEach((part, at) => {
    if (place.children[at] !== part) place.insertBefore(part, place.children[at] ?? null);
  });
  while (place.children.length > parts.length) place.lastChild.remove();
}

const empty = (key) => make("details", { "data-key": key }, make("summary"), make("pre", { tabindex: "0", role: "group" }));

function filled(part, title, content) {
  const [summary, pre] = part.children;
  const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
  for (const named of [part, pre]) named.setAttribute("aria-label", title);
  if (summary.textContent !== title) summary.textContent = title;
  if (pre.textContent !== text) pre.textContent = text;
  return part;
}

/** A body is kept as it came, and may be anything; after a while it isn't kept at all. */
function parsed(body) {
  if (body == null) return say("record.gone");
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
