// The page as a whole: it polls while something may change, and not at all while it is hidden.

import * as api from "./api.js";
import { Card, isOpen } from "./cards.js";
import { drawCredits, readCredits } from "./credits.js";
import { find } from "./dom.js";
import { applyFilter, drawFilter, openFilter, openWide, state } from "./filter.js";
import { drawHistory, openHistory, readHistory } from "./history.js";
import { drawCost, drawOrder, modelName, openOrder, showModels, showSend } from "./order.js";
import { drawProvider, openProvider } from "./provider.js";
import { reasonOf, say, shownLanguage, switchTo, translate } from "./words.js";

const SOONEST = 400;
const LATEST = { busy: 1500, idle: 5000, unreachable: 2000 };
const LIST_EVERY = 4000;

const cards = new Map();
const poll = { delay: SOONEST, timer: 0, listed: 0, running: false, again: false, unreachable: false };
let older = null;
let started = false;
let linked;

/** Reads the newest page of the list, and removes videos that were deleted elsewhere. `anew` removes all that isn't on this page. */
async function readList(anew = false) {
  const { videos, nextCursor } = await api.list(null, state());
  poll.listed = Date.now();
  const oldest = videos.at(-1)?.createdAt ?? "";
  const there = new Set(videos.map(({ uuid }) => uuid));
  for (const [uuid, card] of cards) if (!there.has(uuid) && (anew || card.video.createdAt >= oldest)) drop(uuid);
  const changed = show(videos);
  if (cards.size <= videos.length) older = nextCursor;
  find("#more").hidden = !older;
  return changed;
}

function show(videos) {
  let changed = 0;
  for (const video of videos) {
    const card = cards.get(video.uuid);
    if (card) {
      if (card.update(video)) { changed += 1; announce(card); }
    } else {
      changed += 1;
      cards.set(video.uuid, new Card(video, { modelName, acted, gone, ordered }));
    }
  }
  const order = [...cards.values()].sort((one, two) => two.video.id - one.video.id);
  const list = find("#cards");
  order.forEach((card, place) => {
    if (list.children[place] !== card.element) list.insertBefore(card.element, list.children[place] ?? null);
  });
  applyFilter(cards.values());
  return changed > 0;
}

function drop(uuid) {
  cards.get(uuid)?.element.remove();
  cards.delete(uuid);
  applyFilter(cards.values());
}

const announce = ({ video }) => {
  find("#said").textContent = say("announced", { prompt: video.prompt.slice(0, 60), status: say(`status.${video.status}`) });
};

/** Removes a deleted card; the focus goes to the card that takes its place. */
function gone(card) {
  const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
  drop(card.video.uuid);
  (next ? find("h3", next) : find("#videos")).focus();
  find("#said").textContent = say("removed");
  acted();
}

const acted = () => soon();

/** Another state is another list. */
async function otherState() {
  older = null;
  for (const uuid of [...cards.keys()]) drop(uuid);
  await soon();
}

async function ordered(uuid) {
  if (openWide()) await otherState();
  await soon();
  find("#said").textContent = say("ordered");
  cards.get(uuid)?.element.scrollIntoView({ block: "nearest" });
}

const open = () => [...cards.values()].filter(({ video }) => isOpen(video.status));

async function look() {
  const watched = find("#hands-off").checked ? [] : open();
  const answers = await Promise.all(watched.map(async (card) => {
    try {
      return (await api.status(card.video.uuid)).status !== card.video.status;
    } catch (error) {
      if (error.status === 404) return true; // deleted elsewhere: the list shows it
      throw error;
    }
  }));
  let changed = answers.includes(true);
  if (changed || Date.now() - poll.listed > LIST_EVERY || find("#hands-off").checked) changed = (await readList()) || changed;
  if (changed) {
    await Promise.all([readCredits(), readHistory()]);
    drawCost();
  }
  await Promise.all([...cards.values()].filter((card) => card.storyIsOpen && (changed || isOpen(card.video.status))).map((card) => card.readStory()));
  return changed;
}

async function tick() {
  if (document.hidden) return;
  if (poll.running) { poll.again = true; return; }
  poll.running = true;
  try {
    if (!started) await start();
    await openLinked();
    const changed = await look();
    showWrong(null);
    poll.delay = changed ? SOONEST : Math.min(poll.delay * 1.4, open().length ? LATEST.busy : LATEST.idle);
  } catch (error) {
    if (error instanceof api.Refused && error.status === 401) { signIn(); return; }
    if (!(error instanceof api.Unreachable || error instanceof api.Refused)) throw error;
    if (error instanceof api.Refused) showWrong(error);
    poll.delay = Math.min(poll.delay * 1.4, LATEST.unreachable);
  } finally {
    poll.running = false;
  }
  clearTimeout(poll.timer);
  poll.timer = setTimeout(tick, poll.again ? 0 : poll.delay);
  poll.again = false;
}

/** Says why the server answers with an error: else the page would just stay as it is, or empty. */
function showWrong(error) {
  find("#wrong").hidden = !error;
  if (error) find("#wrong span").textContent = reasonOf(error.code, error.message);
}

function soon() {
  clearTimeout(poll.timer);
  Object.assign(poll, { delay: SOONEST, listed: 0 });
  return tick();
}

async function start() {
  const [session, models] = await Promise.all([api.session(), api.models(shownLanguage())]);
  if (session.token) api.signInAs(session.token, true);
  openOrder(models, ordered);
  await openProvider(session);
  await Promise.all([readCredits(), readList(true)]);
  drawCost();
  find("#sign-in").hidden = true;
  find("#order").hidden = false;
  started = true;
}

/** Shows the video that the page's address names, once: after that, the visitor may look elsewhere. */
async function openLinked() {
  const [, uuid] = /^#video-([\w-]+)$/.exec(location.hash) ?? [];
  if (linked === uuid) return;
  linked = uuid;
  if (!uuid) return;
  if (!cards.has(uuid)) {
    try {
      show([await api.one(uuid)]);
    } catch (error) {
      if (!(error instanceof api.Refused) || error.status !== 404) throw error;
      find("#said").textContent = say("noSuchVideo");
      return;
    }
  }
  cards.get(uuid).element.scrollIntoView({ block: "start" });
  cards.get(uuid).title.focus();
}

function signIn() {
  find("#sign-in .trouble").hidden = find("#sign-in").hidden;
  find("#order").hidden = true;
  find("#sign-in").hidden = false;
  find("#token").focus();
  find("#sign-in").onsubmit = (event) => {
    event.preventDefault();
    api.signInAs(find("#token").value.trim());
    soon();
  };
}

/** A server that is back may be another one, so the models and the session are read again. */
api.onReachable((isReachable) => {
  if (isReachable && poll.unreachable) {
    started = false;
    find("#said").textContent = say("back");
  }
  poll.unreachable = !isReachable;
  find("#away").hidden = isReachable;
  showSend();
});

async function more() {
  const { videos, nextCursor } = await api.list(older, state());
  older = nextCursor;
  show(videos);
  find("#more").hidden = !older;
  cards.get(videos[0]?.uuid)?.title.focus();
}

function useLanguage(language) {
  switchTo(language);
  translate();
  for (const draw of [drawFilter, drawOrder, drawProvider, drawCredits, drawHistory]) draw();
  for (const card of cards.values()) { card.draw(); card.drawStory(); }
  if (started) readModels();
}

/** The server writes the models' descriptions. An answer in a language that was left meanwhile is dropped. */
async function readModels() {
  const language = shownLanguage();
  try {
    const models = await api.models(language);
    if (language === shownLanguage()) showModels(models);
  } catch (error) {
    if (!(error instanceof api.Unreachable || error instanceof api.Refused)) throw error;
  }
}

for (const button of document.querySelectorAll("[data-language]")) button.onclick = () => useLanguage(button.dataset.language);
find("#more").onclick = () => more().catch(() => soon());
find("#hands-off").onchange = soon;
addEventListener("hashchange", soon);
openFilter(otherState, () => applyFilter(cards.values()));
openHistory();
document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(poll.timer); else soon(); });
useLanguage();
tick();
