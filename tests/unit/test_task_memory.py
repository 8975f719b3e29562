"""A fake provider's unfinished tasks outlive a restart of the local stack."""

from __future__ import annotations

from pathlib import Path

from local.providers.evolink import fake_evolink
from local.providers.task_queue import FilmOrder, PlacedOrder

ORDER = PlacedOrder(
    model="seedance-2.0-text-to-video",
    film=FilmOrder(prompt="A ferry", seconds=5, width=64, height=36),
    callback_url=None,
    body={"prompt": "A ferry"},
)


def test_an_unfinished_task_goes_on_after_a_restart_and_a_finished_one_is_forgotten(tmp_path: Path) -> None:
    with fake_evolink(api_key="k", seconds=600, film=b"film") as before:
        before.remember(tmp_path)
        before.submit(ORDER)
        [task] = before.tasks.values()
    with fake_evolink(api_key="k", seconds=0, film=b"film") as after:
        after.remember(tmp_path)
        again = after.tasks[task.id]
        assert again.called_back.wait(60)
        assert (again.state, again.body, again.order) == ("completed", task.body, task.order)
    with fake_evolink(api_key="k", film=b"film") as later:
        later.remember(tmp_path)
        assert later.tasks == {}


def test_a_broken_file_is_no_task(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"id": "half"')
    with fake_evolink(api_key="k", film=b"film") as fake:
        fake.remember(tmp_path)
        assert fake.tasks == {}
