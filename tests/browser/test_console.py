"""The console as a person uses it: order, watch, play, see something go wrong and be made good."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from clipferry import catalog
from clipferry.api.media_inputs import MODE_NAMES
from clipferry.db import timeline
from clipferry.db.connection import Database
from local.development_user import CREDITS, TOKEN
from local.stack import Stack
from tests.browser.visit import PATIENCE_MILLISECONDS, PROMPT, Visit
from tests.callback_receiver import receiving, until
from tests.films import PIXEL
from tests.stack_world import send

Open = Callable[..., Visit]
TEXTS = Path(__file__).parents[2] / "local/console/texts.js"
PRICE = 15
"""The price of Seedance 2.0, five seconds, 480p."""


def test_a_video_is_ordered_followed_and_played(visit: Open) -> None:
    here = visit(reduced_motion="no-preference")
    here.switch("Generation time", "5 s")
    here.order()
    here.comes_to("GENERATING")
    here.shows_credits(CREDITS - PRICE, PRICE, 0)
    read = here.card().locator("summary", has_text="The provider")
    here.card().get_by_role("button", name="Timeline").click()
    read.click()
    card = here.comes_to("COMPLETED")
    expect(here.page.get_by_role("status").filter(has_text=PROMPT)).to_have_text(f"Completed: {PROMPT}")
    expect(card.locator(".story li").last.locator("b")).to_have_text("Completed")
    expect(card.locator("details[open] pre")).to_contain_text('"status": "completed"')
    expect(read).to_be_focused()  # who reads there isn't disturbed by what comes in
    here.shows_credits(CREDITS - PRICE, 0, PRICE)
    expect(card.locator('[aria-current="step"]')).to_have_text("Completed")
    film = card.locator("video")
    expect(film).to_have_attribute("poster", re.compile(r"/files/videos/.*\.jpg$"))
    expect(film).to_have_js_property("controls", value=False)
    film.hover()
    expect(film).to_have_js_property("controls", value=True)
    card.get_by_role("heading").hover()
    expect(film).to_have_js_property("controls", value=False)
    film.focus()
    expect(film).to_have_js_property("controls", value=True)
    here.page.keyboard.press("Space")
    expect(film).to_have_js_property("paused", value=False)
    assert film.evaluate("film => [film.videoWidth, film.videoHeight, Math.round(film.duration)]") == [854, 480, 5]
    assert plays_on(here.page)
    here.page.get_by_role("button", name="中文").click()  # all cards are drawn anew, and the film goes on
    assert film.evaluate("film => film.currentTime") > 0.3


def plays_on(page: Page) -> bool:
    """Whether the film moves forward within ten seconds."""
    for _ in range(100):
        if page.locator("video").evaluate("film => film.currentTime") > 0.3:
            return True
        page.wait_for_timeout(100)
    return False


def test_a_card_tells_what_it_is_and_makes_another_one(visit: Open, stack: Stack) -> None:
    here = visit(permissions=["clipboard-read", "clipboard-write"], viewport={"width": 390, "height": 900})
    prompt = "It's a ferry " + "that crosses the bay at dawn " * 12
    here.order(prompt)
    card = here.comes_to("COMPLETED", prompt.strip())
    (video,) = here.rows("select uuid, file_size from public.videos")
    expect(card.locator(".facts")).to_have_text(re.compile(r"5 s · 16:9 · 854 . 480 · \d+ kB · .* took \d"))
    expect(card.get_by_role("link", name="Download")).to_have_attribute("download", f"{video['uuid']}.mp4")

    title = card.get_by_role("heading")
    cut = title.evaluate("title => title.scrollHeight > title.clientHeight")
    card.get_by_role("button", name="Show the whole prompt").click()
    assert [cut, title.evaluate("title => title.scrollHeight > title.clientHeight")] == [True, False]
    card.get_by_role("button", name="Copy the id").click()
    expect(card.get_by_text("Copied.")).to_be_visible()
    assert here.page.evaluate("() => navigator.clipboard.readText()") == video["uuid"]
    card.get_by_role("button", name="Copy as curl").click()
    expect(card.get_by_text("Copied.")).to_be_visible()
    _, url, _, authorization, _, _, _, body = shlex.split(here.page.evaluate("() => navigator.clipboard.readText()"))
    assert (url, authorization) == (f"{stack.url}/api/v1/video/generate", f"Authorization: Bearer {TOKEN}")
    assert json.loads(body)["prompt"] == prompt

    card.get_by_role("button", name="Create again").click()
    expect(here.page.get_by_role("article")).to_have_count(2)
    assert stack.evolink is not None
    first, second = stack.evolink.submissions[-2:]
    assert {**first, "callback_url": ""} == {**second, "callback_url": ""}


def test_the_timeline_tells_what_explain_prints(visit: Open, stack: Stack) -> None:
    with receiving() as receiver:
        ordered_with_a_webhook(stack, receiver.url)
        here = visit()
        card = here.comes_to("COMPLETED")
        until(lambda: here.rows("select id from clipferry.webhook_deliveries where state = 'DELIVERED'"))
    button = card.get_by_role("button", name="Timeline")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()

    steps = card.locator(".story li")
    expect(steps.last).to_contain_text("delivery: delivered · answered with: 200 · attempts: 1")
    (video,) = here.rows("select uuid from public.videos")
    with closing(Database(here.stack.database_url)) as database, database.transaction() as tx:
        moments = timeline.read(tx, video["uuid"])
    assert steps.count() == len(moments.all())
    expect(steps.filter(has_text="Credits held")).to_contain_text("from: 15 of package")
    expect(steps.filter(has_text="Credits held")).to_have_attribute("data-meaning", "credits")
    expect(steps.filter(has_text="Completed video")).to_have_attribute("data-meaning", "good")
    expect(steps.filter(has_text="Callback from Evolink")).to_contain_text("verdict: generated")
    for title, content in (
        ("The provider.s answer", '"status": "completed"'),
        ("Callback from Evolink: generated", '"status": "completed"'),
        (r"Webhook to http://127\.0\.0\.1.*: delivered, attempts: 1", '"type": "video.completed"'),
        ("Mirror:", '"sha256"'),
    ):
        card.locator("summary", has_text=re.compile(title)).click()
        expect(card.locator("details[open] pre", has_text=content).last).to_be_visible()
    unknown = steps.locator(".detail").filter(has_text=re.compile(r"[\[\]{}=]|\b[a-z]+_[a-z]+:"))
    expect(unknown).to_have_count(0)
    names = {name for moment in moments.all() for name, value in moment.detail.items() if value is not None}
    assert [name for name in sorted(names) if f'"detail.{name}"' not in TEXTS.read_text(encoding="utf-8")] == []
    expect(steps.filter(has_text="Callback from Evolink")).to_contain_text(re.compile(r"\+ \d+\.\d+ s"))
    expect(button).to_have_attribute("aria-expanded", "true")

    here.rows("update clipferry.webhook_deliveries set state = 'PENDING', next_attempt_at = now() + interval '1 day'")
    button.click()
    button.click()
    expect(steps.last).to_contain_text("delivery: to be sent")
    here.rows("update clipferry.webhook_deliveries set state = 'DELIVERED', next_attempt_at = null")
    expect(steps.last).to_contain_text("delivery: delivered", timeout=PATIENCE_MILLISECONDS)


def ordered_with_a_webhook(stack: Stack, url: str) -> None:
    """Orders as a program does: only with an API key may a request name who is told of the end."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    scopes = ["videos:write", "webhooks"]
    key = send("POST", f"{stack.url}/api/v1/key", {"name": "farm", "scopes": scopes}, headers).data["key"]
    order = {"prompt": PROMPT, "model": "seedance-2.0", "duration": 5, "quality": "480p", "webhookUrl": url}
    sent = send("POST", f"{stack.url}/api/v1/video/generate", order, {"Authorization": f"Bearer {key}"})
    assert sent.status == 202, sent.payload


def test_a_callback_gets_lost_and_the_reconciler_saves_the_video(visit: Open) -> None:
    here = visit()
    here.switch("Callback", "never sent")
    here.page.get_by_label("Wait for the reconciler").check()
    here.order()
    card = here.comes_to("COMPLETED")

    card.get_by_role("button", name="Timeline").click()
    expect(card.locator(".story li", has_text="Provider queried").first).to_be_visible()
    expect(card.locator(".story")).not_to_contain_text("Callback from")
    here.shows_credits(CREDITS - PRICE, 0, PRICE)


def test_a_file_that_is_gone_is_fetched_again_when_it_is_back(visit: Open) -> None:
    here = visit()
    here.switch("File", "missing (404)")
    told = here.page.get_by_text("Evolink (preferred): File: missing (404)")
    expect(told).to_be_in_viewport()
    expect(here.page.get_by_role("link", name="Simulated faults that are on: 1")).to_be_in_viewport()
    here.order()
    card = here.comes_to("FAILED")
    expect(card.locator(".trouble")).to_have_text("The finished video could not be fetched. Nothing was charged.")
    here.shows_credits(CREDITS, 0, 0)

    here.page.get_by_role("button", name="Set all back").click()
    expect(here.page.get_by_text("None is on.")).to_be_visible()
    expect(here.page.get_by_label("File", exact=True)).to_have_value("film")
    card.get_by_role("button", name="Retry").click()
    here.comes_to("COMPLETED")
    here.shows_credits(CREDITS - PRICE, 0, PRICE)


def test_a_file_that_ends_half_way_is_fetched_to_its_end_when_it_is_whole_again(visit: Open) -> None:
    here = visit()
    here.switch("File", "only the first half")
    here.order()
    card = here.comes_to("UPLOADING")
    card.get_by_role("button", name="Timeline").click()
    interrupted = card.locator(".story li", has_text="Mirroring interrupted").first
    expect(interrupted).to_be_visible(timeout=2 * PATIENCE_MILLISECONDS)  # the transfer asks again, with pauses, first

    here.switch("File", "a video")
    here.comes_to("COMPLETED")
    expect(card.locator(".story li", has_text="Mirroring queued again").first).to_be_visible()


def test_a_provider_that_refuses_is_followed_by_the_next_and_then_by_a_sentence(visit: Open) -> None:
    here = visit()
    here.expected = ["status of 502"]
    here.switch("Submission", "rejected")
    here.order()
    card = here.comes_to("GENERATING")
    expect(card.locator(".facts")).to_contain_text("KIE")

    here.page.get_by_role("radio", name="KIE (fallback)").check(force=True)
    expect(here.page.get_by_label("Submission", exact=True)).to_have_value("taken")
    here.switch("Submission", "rejected")
    here.order("Nobody makes this one")
    expect(here.page.locator("#refused")).to_contain_text("No provider accepted the video. Nothing was charged.")
    failed = here.comes_to("FAILED", "Nobody makes this one")
    expect(failed.get_by_role("button", name="Create again")).to_be_visible()
    expect(failed.get_by_role("button", name="Retry")).to_be_hidden()


def test_before_the_first_video_there_is_a_word_of_welcome(visit: Open) -> None:
    here = visit()
    expect(here.page.get_by_role("heading", name="No videos yet")).to_be_visible()
    here.page.get_by_role("button", name="Create video", exact=True).click()
    prompt = here.page.get_by_label("Prompt")
    expect(prompt).to_be_focused()
    expect(prompt).to_have_accessible_description("Write a prompt first.")

    here.order()
    expect(here.page.get_by_role("heading", name="No videos yet")).to_be_hidden()
    here.comes_to("COMPLETED")


def test_when_the_server_is_gone_the_page_says_so_and_goes_on_by_itself(visit: Open) -> None:
    here = visit()
    here.expected = ["ERR_INTERNET_DISCONNECTED"]
    banner = here.page.locator("#away")
    here.page.get_by_label("Prompt").fill("Written before the storm")
    here.page.context.set_offline(True)
    expect(banner).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    expect(banner).to_have_role("alert")
    expect(here.page.locator("#send")).to_be_disabled()

    here.page.context.set_offline(False)
    expect(banner).to_be_hidden(timeout=PATIENCE_MILLISECONDS)
    expect(here.page.get_by_label("Prompt")).to_have_value("Written before the storm")
    here.page.get_by_role("button", name="Create video", exact=True).click()
    here.comes_to("COMPLETED", "Written before the storm")


def test_an_error_of_the_server_is_told_until_it_is_over(visit: Open) -> None:
    here = visit()
    here.expected = ["status of 500"]
    error = {"code": "CONFIGURATION_ERROR", "message": "This service is not set up correctly."}
    here.page.route(
        "**/api/v1/video/list*", lambda route: route.fulfill(status=500, json={"success": False, "error": error})
    )
    told = here.page.get_by_role("alert").filter(has_text="What is wrong with them is in the terminal")
    expect(told).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    known = {"success": True, "data": {"detail": "KIE_API_KEY: must be printable"}}
    here.page.route("**/local/misconfigured", lambda route: route.fulfill(json=known))
    told = here.page.get_by_role("alert").filter(has_text="KIE_API_KEY: must be printable")
    expect(told).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    here.page.unroute("**/api/v1/video/list*")
    expect(told).to_be_hidden(timeout=PATIENCE_MILLISECONDS)


def test_who_runs_out_of_credits_is_told_what_is_missing_and_can_be_given_some(visit: Open, stack: Stack) -> None:
    here = visit()
    here.expected = ["status of 402"]
    here.rows("update public.credit_packages set initial_credits = 10, remaining_credits = 10")
    here.rows("update public.credit_transactions set credits = 10, balance_after = 10")
    here.order()
    expect(here.page.locator("#refused")).to_have_text("This costs 15 credits, and 10 are available.")

    here.page.get_by_role("button", name="Add 100 credits").click()
    here.shows_credits(110, 0, 0)
    expect(here.page.locator("#refused")).to_be_hidden()
    expect(here.page.get_by_role("button", name="Create video", exact=True)).to_be_focused()
    here.page.keyboard.press("Enter")
    here.comes_to("COMPLETED")


def test_the_price_shown_is_the_price_charged_for_every_choice(visit: Open, stack: Stack) -> None:
    here = visit()
    shown = here.page.evaluate(
        """async () => {
            const { cost } = await import("/console/order.js");
            const { data } = await (await fetch("/api/v1/config/models")).json();
            return data.flatMap((model) => model.modes.flatMap((mode) => mode.durations.flatMap((duration) =>
                (mode.qualities.length ? mode.qualities : [null]).map((quality) =>
                    [model.id, mode.mode, duration, quality, cost(model, mode, duration, quality)]))));
        }"""
    )
    models = catalog.load().models
    assert len(shown) > len(models)
    for model, name, duration, quality, price in shown:
        mode = next(mode for mode, spoken in MODE_NAMES.items() if spoken == name)
        audio = models[model].modes[mode].default_audio
        assert models[model].credits(mode=mode, duration=duration, quality=quality, audio=audio) == price

    here.page.get_by_role("radio", name="1080p").check(force=True)
    here.page.get_by_role("radio", name="10 s").check(force=True)
    expect(here.page.locator("#cost")).to_have_text("120 credits")
    expect(here.page.locator("#leaves")).to_have_text(f"leaves {CREDITS - 120}")


def test_every_mode_of_a_model_can_be_ordered(visit: Open, stack: Stack) -> None:
    here = visit()
    here.expected = ["status of 400"]
    page = here.page
    picture = {"name": "first frame.png", "mimeType": "image/png", "buffer": PIXEL}
    page.get_by_role("radio", name="first frame", exact=True).check(force=True)
    page.get_by_label("First frame", exact=True).set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    )
    here.order()
    expect(page.locator("#imageUrl .trouble")).to_have_text(
        re.compile(r"notes\.txt isn.t taken: JPEG, PNG, GIF or WebP, at most 10 MB\.")
    )
    page.get_by_label("First frame", exact=True).set_input_files(picture)
    expect(page.get_by_alt_text("first frame.png")).to_be_visible()
    sent = ordered_as(here, stack, "from a frame")
    (url,) = sent["image_urls"]
    assert page.request.get(url).body() == PIXEL

    page.get_by_role("radio", name="first and last frame", exact=True).check(force=True)
    page.get_by_label("Last frame", exact=True).set_input_files(picture)
    page.get_by_label("With sound", exact=True).uncheck()
    sent = ordered_as(here, stack, "from two frames")
    assert (len(sent["image_urls"]), sent["generate_audio"]) == (2, False)

    page.get_by_role("radio", name="references", exact=True).check(force=True)
    expect(page.get_by_label("First frame", exact=True)).to_be_hidden()
    page.get_by_label("Reference images", exact=True).set_input_files([picture, picture])
    page.get_by_label("Reference sounds", exact=True).set_input_files(
        {"name": "waves.mp3", "mimeType": "audio/mpeg", "buffer": b"ID3"}
    )
    sent = ordered_as(here, stack, "from references")
    assert (len(sent["image_urls"]), len(sent["audio_urls"])) == (2, 1)

    expect(page.get_by_label("Seed (optional)", exact=True)).to_be_hidden()  # Evolink and KIE take none for this model
    page.get_by_role("radio", name="PixVerse v6").check(force=True)
    page.get_by_label("Seed (optional)", exact=True).fill("-1")
    here.order(quality="720p")
    expect(page.locator("#seed .trouble")).to_have_text(re.compile("^Too small: .*0\\.$"))
    page.get_by_label("Seed (optional)", exact=True).fill("7")
    here.order("with a seed", quality="720p")
    here.comes_to("COMPLETED", "with a seed")
    (row,) = here.rows("select parameters from public.videos where prompt = 'with a seed'")
    assert (row["parameters"]["mode"], row["parameters"]["seed"]) == ("text-to-video", 7)


def ordered_as(here: Visit, stack: Stack, prompt: str) -> dict[str, Any]:
    """Orders, and returns what the provider was sent."""
    here.order(prompt)
    here.comes_to("COMPLETED", prompt)
    assert stack.evolink is not None
    return stack.evolink.submissions[-1]


def test_videos_are_found_by_state_words_and_address_and_credits_by_their_history(visit: Open) -> None:
    here = visit()
    page = here.page
    here.switch("Generation", "fails")
    here.order("A storm at sea")
    here.comes_to("FAILED", "A storm at sea")
    here.switch("Generation", "succeeds")
    page.get_by_label("State", exact=True).select_option(label="Failed")
    here.order()  # shows every state again
    here.comes_to("COMPLETED")
    expect(page.get_by_role("article")).to_have_count(2)

    page.get_by_label("State", exact=True).select_option(label="Failed")
    expect(here.card()).to_have_count(0)
    expect(here.card("A storm at sea")).to_be_visible()
    page.get_by_label("Search", exact=True).fill("ferry")
    expect(page.get_by_text("No video was found.")).to_be_visible()
    page.get_by_label("State", exact=True).select_option(label="any")
    expect(here.card()).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(1)

    (video,) = here.rows("select uuid from public.videos where status = 'COMPLETED'")
    page.get_by_text("Credit history").click()
    link = page.get_by_role("row").filter(has_text="Video").get_by_role("link")
    expect(link).to_have_text(video["uuid"])
    link.click()
    expect(page.get_by_role("heading", name=PROMPT)).to_be_focused()
    page.goto(f"{here.stack.url}/#video-{video['uuid']}")
    page.reload()
    expect(page.get_by_role("heading", name=PROMPT)).to_be_focused()


def test_a_video_is_found_however_long_ago_it_was_made(visit: Open, stack: Stack) -> None:
    made = with_videos(stack, 620)
    linked, needle = made[300], made[600]
    here = visit()
    here.expected = ["status of 404"]
    page, articles = here.page, here.page.get_by_role("article")
    expect(articles).to_have_count(20)
    page.goto(f"{stack.url}/#video-{linked}")
    expect(page.get_by_role("heading", name="Voyage 301", exact=True)).to_be_focused()
    expect(page.get_by_role("heading", name="Voyage 301", exact=True)).to_be_in_viewport()
    here.rows("update public.videos set status = 'PENDING' where prompt = 'Voyage 301'")
    page.reload()
    here.comes_to("PENDING", "Voyage 301")
    here.rows("update public.videos set status = 'FAILED' where prompt = 'Voyage 301'")
    here.comes_to("FAILED", "Voyage 301")  # although the newest page, which is what is read again, is without it
    page.get_by_role("button", name="Show older videos").click()
    expect(page.get_by_role("heading", name="Voyage 21", exact=True)).to_be_focused()
    expect(articles).to_have_count(41)

    search = page.get_by_label("Search", exact=True)
    search.fill("voyage 601")
    expect(page.locator("#searched")).to_have_text("540 videos searched, 0 found.")
    expect(page.get_by_text("No video was found.")).to_be_visible()
    page.get_by_role("button", name="Search older videos").click()
    expect(page.get_by_role("heading", name="Voyage 601", exact=True)).to_be_focused()
    expect(page.locator("#searched")).to_have_text("All 620 videos searched, 1 found.")
    expect(articles).to_have_count(1)
    search.fill(needle)
    expect(page.locator("#searched")).to_have_text("All 620 videos searched, 1 found.")
    search.fill("")
    expect(articles).to_have_count(41)
    expect(page.locator("#searched")).to_have_text("")

    page.get_by_label("State", exact=True).select_option(label="Failed")
    search.fill("gone")
    page.evaluate("() => { location.hash = '#video-vid_unknown'; }")
    expect(page.get_by_role("alert").filter(has_text="There is no video with this address.")).to_be_visible()
    page.evaluate(f"() => {{ location.hash = '#video-{linked}'; }}")  # what would hide it is taken away
    expect(page.get_by_role("heading", name="Voyage 301", exact=True)).to_be_focused()
    expect(search).to_have_value("")


def with_videos(stack: Stack, number: int) -> list[str]:
    """Fills the development user's list with completed videos; returns their ids, the newest one first."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        made = connection.execute(
            """
            insert into public.videos
                (uuid, user_id, prompt, model, provider, status, credits_used, created_at, updated_at)
            select 'vid_voyage_' || n, 'dev-user', 'Voyage ' || n, 'seedance-2.0', 'evolink', 'COMPLETED', 15,
                   timezone('utc', now()) - make_interval(mins => n), timezone('utc', now())
            from generate_series(%(number)s, 1, -1) n
            returning uuid
            """,
            {"number": number},
        ).fetchall()
    return [uuid for (uuid,) in reversed(made)]


def test_a_video_is_deleted_when_it_is_meant(visit: Open) -> None:
    here = visit()
    here.order()
    here.comes_to("COMPLETED")
    here.order("Another one")
    here.comes_to("COMPLETED", "Another one")
    here.card("Another one").get_by_role("button", name="Delete").click()
    here.card("Another one").get_by_role("button", name="Delete for good?").click()

    expect(here.card("Another one")).to_have_count(0)
    expect(here.page.get_by_role("heading", name=PROMPT)).to_be_focused()
    expect(here.page.get_by_role("article")).to_have_count(1)


@pytest.mark.parametrize(
    "prompt", ["<img src=x onerror=alert(1)><script>alert(2)</script>", "{n} ${n} &amp; \u202egnp"]
)
def test_a_prompt_is_text_whatever_it_says(visit: Open, prompt: str) -> None:
    here = visit()
    here.page.on("dialog", lambda dialog: here.errors.append(dialog.message))
    here.order(prompt)
    here.comes_to("COMPLETED", prompt)
    expect(here.page.locator("#cards h3")).to_have_text(prompt)
    expect(here.page.locator("#cards :is(script, img:not(.ferry))")).to_have_count(0)


def test_without_a_development_user_the_page_asks_for_a_token(visit: Open) -> None:
    here = visit()
    here.expected = ["status of 401"]
    session = {"token": None, "providers": [], "reconcileSeconds": 60}
    here.page.route("**/local/session", lambda route: route.fulfill(json={"success": True, "data": session}))
    here.page.reload()
    token = here.page.get_by_label("Token")
    expect(token).to_be_focused()
    expect(here.page.get_by_text("Real providers are configured")).to_be_visible()
    token.fill("wrong")
    here.page.keyboard.press("Enter")
    expect(here.page.get_by_role("alert").filter(has_text="not valid")).to_be_visible()

    token.fill(TOKEN)
    here.page.keyboard.press("Enter")
    here.shows_credits(CREDITS, 0, 0)
    expect(token).to_be_hidden()
    here.order()
    here.comes_to("COMPLETED")


def test_nothing_is_asked_while_nobody_looks(visit: Open) -> None:
    here = visit()
    here.switch("Generation time", "60 s")
    here.order()
    here.comes_to("GENERATING")
    here.page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => window.away });
            window.away = true;
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    here.page.wait_for_load_state("networkidle")
    asked: list[str] = []
    here.page.on("request", lambda request: asked.append(request.url))
    here.page.wait_for_timeout(2500)
    assert asked == []

    with here.page.expect_request(re.compile("/api/v1/video/list")):
        here.page.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }")
