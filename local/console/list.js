// The videos that are shown: the newest ones of the list, older ones that were asked for, found ones, and the linked one.

import * as api from "./api.js";
import { Card } from "./cards.js";
import { find } from "./dom.js";
import { applyFilter, state } from "./filter.js";
import { modelName } from "./order.js";
import { say } from "./words.js";

export const cards = new Map();
let next = null;
let hooks;

/** `shown()` is called after each change; `acted`, `gone` and `ordered` are a card's. */
export function openList(found) {
  hooks = { ...found, modelName };
}

/** The cursor of the page behind the last one that is shown; null when there is none. */
export const older = () => next;

const newestFirst = (one, two) => (one.createdAt === two.createdAt ? two.id - one.id : one.createdAt < two.createdAt ? 1 : -1);

/** Reads the newest page, and removes what should be on it and isn't. `anew` removes all that isn't on it. */
export async function readNewest(anew = false) {
  const wanted = state();
  const { videos, nextCursor } = await api.list({ status: wanted });
  if (wanted !== state()) return true; // another state was chosen meanwhile
  const there = new Set(videos.map(({ uuid }) => uuid));
  const isAll = anew || !nextCursor;
  for (const [uuid, { video }] of cards) if (!there.has(uuid) && (isAll || newestFirst(video, videos.at(-1)) < 0)) drop(uuid);
  if ([...cards.keys()].every((uuid) => there.has(uuid))) next = nextCursor;
  return show(videos);
}

export async function readOlder() {
  const { videos, nextCursor } = await api.list({ cursor: next, status: state() });
  next = nextCursor;
  show(videos);
  cards.get(videos[0]?.uuid)?.title.focus();
}

/** Returns whether anything has changed. */
export function show(videos) {
  let changed = 0;
  for (const video of videos) {
    const card = cards.get(video.uuid);
    if (card) {
      if (card.update(video)) { changed += 1; announce(card); }
    } else {
      changed += 1;
      cards.set(video.uuid, new Card(video, hooks));
    }
  }
  const list = find("#cards");
  [...cards.values()].sort((one, two) => newestFirst(one.video, two.video)).forEach((card, place) => {
    if (list.children[place] !== card.element) list.insertBefore(card.element, list.children[place] ?? null);
  });
  filter();
  return changed > 0;
}

export function drop(uuid) {
  cards.get(uuid)?.element.remove();
  cards.delete(uuid);
  filter();
}

/** The next card that is shown, or else the one before. */
export function neighbour(element) {
  const shown = [...find("#cards").children].filter((one) => one === element || !one.hidden);
  const place = shown.indexOf(element);
  return shown[place + 1] ?? shown[place - 1];
}

/** Begins another list: the next page that is read is its first. */
export function dropAll() {
  next = null;
  cards.clear();
  find("#cards").replaceChildren();
  filter();
}

export function filter() {
  applyFilter(cards.values());
  hooks.shown();
}

/** Asks how an unfinished video is doing, wherever in the list it is. Returns whether that has changed. */
export async function follow({ video: { uuid, status } }) {
  try {
    if ((await api.status(uuid)).status === status) return false;
    show([await api.one(uuid)]);
  } catch (error) {
    if (error.status !== 404) throw error;
    drop(uuid); // deleted elsewhere
  }
  return true;
}

const announce = ({ video }) => {
  find("#said").textContent = say("announced", { prompt: video.prompt.slice(0, 60), status: say(`status.${video.status}`) });
};
