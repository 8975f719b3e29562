// A video's events as `clipferry explain` prints them; a longer wait is a longer line.

import { make } from "./dom.js";
import { say, sayOr, seconds } from "./words.js";

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
  const drawn = make("li", { "data-source": source },
    make("span", { class: "gap" }, waited >= NOTABLE ? `+ ${seconds(waited)}` : ""),
    make("time", { datetime: at, title: at }, seconds(since)),
    make("span", { class: "what" }, make("b", {}, sayOr(`event.${source}.${what}`, what)), " ",
      make("span", { class: "tag" }, say(`source.${source}`))),
    make("code", {}, plain(detail)));
  drawn.style.setProperty("--height", `${height(waited)}px`);
  return drawn;
}

const plain = (detail) => Object.entries(detail ?? {})
  .filter(([, value]) => value != null)
  .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`)
  .join("  ");
