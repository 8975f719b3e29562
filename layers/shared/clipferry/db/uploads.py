"""Which videos were made from which uploads: the addresses in a video's row, by their keys in the bucket."""

from __future__ import annotations

from typing import Any, Final, LiteralString

from clipferry.db.connection import Rows, Transaction

# The first image, and every address among the parameters, whichever version of the application has named them. A key is
# the same under each of the bucket's addresses.
_INPUTS: Final[LiteralString] = """
(
    select substring(url from 'uploads/[^?#]+') as key
    from (
        select v.start_image_url
        union
        select jsonb_path_query(v.parameters, '$.*[*] ? (@ like_regex "^https?://")') #>> '{}'
    ) as input (url)
)
"""

_OF_VIDEO_ONLY: Final = f"""
select distinct mine.key from public.videos v cross join lateral {_INPUTS} mine
where v.uuid = %(uuid)s and mine.key is not null and not exists (
    select from (select * from public.videos o where o.user_id = v.user_id and o.uuid <> v.uuid) v
    cross join lateral {_INPUTS} theirs
    where theirs.key = mine.key
)
"""

# A folder has its user's id as its name, or a hash of it (`upload_keys.folder`).
_USES: Final = f"""
with owner as (
    select id from public."user" where id = any(%(folders)s)
    union
    select id from public."user"
    where id !~ '^[A-Za-z0-9_-]{{1,64}}$'
        and left(encode(sha256(convert_to(id, 'UTF8')), 'hex'), 32) = any(%(folders)s)
)
select used.key, bool_or(v.status in ('PENDING', 'GENERATING', 'UPLOADING')) as is_open
from owner join public.videos v on v.user_id = owner.id cross join lateral {_INPUTS} used
where used.key = any(%(keys)s)
group by used.key
"""


def of_video_only(tx: Transaction, uuid: str) -> Rows[dict[str, Any]]:
    """Returns the keys (`key`) of the uploads that this video was made from, and no other of its user's."""
    return tx.query_dicts(_OF_VIDEO_ONLY, {"uuid": uuid})


def uses(tx: Transaction, keys: list[str], folders: list[str]) -> Rows[dict[str, Any]]:
    """Returns those of `keys` (`key`) that a video of their folder's user was made from.

    `is_open` says whether one of these videos hasn't ended yet.
    """
    return tx.query_dicts(_USES, {"keys": keys, "folders": folders})
