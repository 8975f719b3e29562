// The search through all of a user's videos: the API finds none by words, so older pages are read until enough are found.

import * as api from "./api.js";
import { find } from "./dom.js";
import { matches, state, words } from "./filter.js";
import { cards, drop, filter, older, show } from "./list.js";
import { number, say } from "./words.js";

const PAUSE = 300;
const PAGE = 100;
const ENOUGH = 20;
const AT_ONCE = 500;

let read = []; // older videos than those of the list
let cursor; // of the page behind them; undefined: where the list ends
let timer = 0;
let run = 0;
let isBusy = false;
const found = new Set();

export function openSearch() {
  find("#search").oninput = () => {
    clearTimeout(timer);
    run += 1; // what is on its way belongs to other words
    isBusy = words().length > 0;
    if (!isBusy) forget();
    filter();
    if (isBusy) timer = setTimeout(() => searchOn(), PAUSE);
  };
}

/** Forgets what was read, for a list that is another one. */
export function forget() {
  clearTimeout(timer);
  run += 1;
  [read, cursor, isBusy] = [[], undefined, false];
  for (const uuid of found) drop(uuid);
  found.clear();
}

/** A deleted video must not be found again. */
export function forgetOne(uuid) {
  read = read.filter((video) => video.uuid !== uuid);
  found.delete(uuid);
}

const hasMore = () => (cursor === undefined ? older() : cursor) !== null;

/** Reads on until enough are found, or enough was read. `isAsked`: what is known already isn't enough. */
export async function searchOn(isAsked = false) {
  if (!words().length) return;
  run += 1;
  const mine = run;
  isBusy = true;
  let first = take(read);
  let [enough, most] = [isAsked ? 0 : [...cards.values()].filter(({ video }) => matches(video)).length, AT_ONCE];
  try {
    while (hasMore() && enough < ENOUGH && most > 0) {
      const { videos, nextCursor } = await api.list({ cursor: cursor ?? older(), status: state(), limit: PAGE });
      if (mine !== run) return;
      cursor = nextCursor;
      read.push(...videos);
      const taken = take(videos);
      first ??= taken;
      enough += videos.filter((video) => matches(video)).length;
      most -= videos.length;
    }
  } catch (error) {
    if (!(error instanceof api.Failed)) throw error;
  } finally {
    if (mine === run) {
      isBusy = false;
      filter();
      if (isAsked) (cards.get(first)?.title ?? find("#search")).focus();
    }
  }
}

/** Shows what matches. Returns the id of the first one that wasn't shown before. */
function take(videos) {
  const wanted = videos.filter((video) => matches(video) && !cards.has(video.uuid));
  for (const { uuid } of wanted) found.add(uuid);
  show(wanted);
  return wanted[0]?.uuid;
}

/** Says how far the search has come, and offers what comes after the last video. */
export function drawSearch() {
  const isSearching = words().length > 0;
  const all = new Set([...cards.keys(), ...read.map(({ uuid }) => uuid)]).size;
  const shown = [...cards.values()].filter(({ element }) => !element.hidden).length;
  const told = isBusy ? "searching" : hasMore() ? "searched" : "searchedAll";
  find("#searched").textContent = isSearching ? say(told, { n: number(all), found: number(shown) }) : "";
  const more = find("#more");
  more.hidden = isSearching ? isBusy || !hasMore() : older() === null;
  more.dataset.word = isSearching ? "searchOn" : "more";
  more.textContent = say(more.dataset.word);
  if (isBusy) find("#none").hidden = true;
}
