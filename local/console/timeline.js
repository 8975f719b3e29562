// A video's events, those that `clipferry explain` prints, in words; a longer wait is a longer line.

import { make } from "./dom.js";
import { deliveryName, providerName, reasonOf, say, sayOr, seconds, size, verdictName } from "./words.js";

const SHORTEST = 5;
const LONGEST = 72;
const NOTABLE = 0.05;

/** Pixels for a wait: a second is well visible, an hour doesn't fill the page. */
const height = (waited) => waited < NOTABLE ? SHORTEST : Math.min(LONGEST, 18 + 14 * Math.log2(1 + waited));

export function drawTimeline(moments) {
  if (!moments.length) return make("p", { class: "note" }, say("timelineEmpty"));
  const start = Date.parse(moments[0].at);
  let before = start;
  const steps = moments.map((moment) => {
    const at = Date.parse(moment.at);
    const waited = Math.max(0, at - before) / 1000;
    before = at;
    return step(moment, (at - start) / 1000, waited);
  });
  return make("ol", { class: "story" }, ...steps);
}

function step({ at, source, what, detail }, since, waited) {
  const drawn = make("li", { "data-meaning": meaningOf(source, what, detail) },
    make("span", { class: "gap" }, waited >= NOTABLE ? `+ ${seconds(waited)}` : ""),
    make("time", { datetime: at, title: at }, seconds(since)),
    make("span", { class: "what" }, make("b", {}, eventName(source, what)), " ",
      make("span", { class: "tag" }, say(`source.${source}`))),
    make("span", { class: "detail" }, detailOf(detail)));
  drawn.style.setProperty("--height", `${height(waited)}px`);
  return drawn;
}

/** A callback is called by the provider that it is from. */
const eventName = (source, what) => (source === "callback"
  ? say("event.callback", { provider: providerName(what.replace(/^from /, "")) })
  : sayOr(`event.${source}.${what}`, what));

const GOOD = ["video.completed", "hold.settled", "file.mirrored"];
const BAD = ["video.failed"];
const ODD = ["video.submit_unanswered", "video.provider_switched", "video.task_withdrawn", "video.mirror_interrupted",
  "video.not_as_ordered", "video.late_success"];

/** What a dot's colour says: an end that is good or bad, a disturbance, credits that moved, or nothing but a step. */
function meaningOf(source, what, detail) {
  const kind = `${source}.${what}`;
  if (GOOD.includes(kind)) return "good";
  if (BAD.includes(kind)) return "bad";
  if (ODD.includes(kind) || ["GIVEN_UP", "SWITCHED_OFF"].includes(detail?.state)) return "odd";
  return source === "hold" || source === "ledger" ? "credits" : "step";
}

const SPOKEN = {
  provider: providerName,
  status: (value) => sayOr(`status.${value}`, value),
  verdict: verdictName,
  found: (value) => sayOr(`found.${value}`, value),
  state: deliveryName,
  to: (value) => (value === "the owner" ? say("owner") : value),
  currency: (value) => sayOr(`currency.${value}`, value),
  code: (value) => reasonOf(value, value),
  bytes: size,
  reached: size,
  milliseconds: (value) => seconds(value / 1000),
  packages: (shares) => shares.map(({ credits, packageId, type, order, remark }) =>
    say("detail.share", { credits, package: packageId, why: remark ?? order ?? type ?? "–" })).join(", "),
};

const wordOf = (word) => sayOr(`detail.${word}`, word);

/** What is known of an event, in words; names that this page doesn't know stay as they are. */
const detailOf = (detail) => Object.entries(detail ?? {})
  .filter(([, value]) => value != null)
  .map(([name, value]) => `${wordOf(name)}: ${spoken(name, value)}`)
  .join(" · ");

function spoken(name, value) {
  if (typeof value === "object" && !Array.isArray(value)) return Object.entries(value).map((pair) => pair.map(wordOf).join(" ")).join(", ");
  if (Object.hasOwn(SPOKEN, name)) return SPOKEN[name](value);
  if (typeof value === "boolean") return say(value ? "yes" : "no");
  return value;
}
