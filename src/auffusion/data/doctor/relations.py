"""Rows that are of one sound: repeated ids, duplicates, leaks between splits and between sets.

Each stage compares only rows that no stage before has rejected, so that of several copies one
stays, and a row that goes anyway drags no other with it. A leak between splits rejects the row of
the split that is trained on more (train before validation before test): what is judged by stays.
"""

from auffusion.data.doctor.faults import Fault
from auffusion.data.doctor.neighbours import Kin, find_near
from auffusion.data.doctor.store import Key, Store, rank_of

_NAMES = {
    Key.ID: "id",
    Key.ORIGIN: "origin",
    Key.SOURCE: "source file",
    Key.CONTENT: "samples",
}

# The first row of the data set with each key that several of its rows have (of one split or all).
_LATER = """
INSERT OR IGNORE INTO findings
WITH good AS (SELECT k.key AS key, r.number AS number, r.split * :by_split AS split
              FROM keys k JOIN rows r USING (number) WHERE k.kind = :kind AND part = 0 AND bad = 0),
     first AS (SELECT key, split, MIN(number) AS number FROM good GROUP BY key, split
               HAVING COUNT(*) > 1)
SELECT good.number, :rank, :told || named.place || CASE named.id WHEN '' THEN '' ELSE
       ' (' || named.id || ')' END
FROM good JOIN first USING (key, split) JOIN rows named ON named.number = first.number
WHERE good.number > first.number
"""

_SPLITS = """
INSERT OR IGNORE INTO findings
WITH good AS (SELECT k.key AS key, r.number AS number, r.split AS split
              FROM keys k JOIN rows r USING (number) WHERE k.kind = :kind AND part = 0 AND bad = 0),
     top AS (SELECT key, MAX(split) AS split FROM good GROUP BY key HAVING MIN(split) < MAX(split)),
     first AS (SELECT key, split, MIN(number) AS number FROM good JOIN top USING (key, split)
               GROUP BY key, split)
SELECT good.number, :rank, :told || named.place || CASE named.id WHEN '' THEN '' ELSE
       ' (' || named.id || ')' END || ' in ' ||
       CASE first.split WHEN 1 THEN 'validation' ELSE 'test' END
FROM good JOIN first ON first.key = good.key JOIN rows named ON named.number = first.number
WHERE good.split < first.split
"""

_SETS = """
INSERT OR IGNORE INTO findings
WITH theirs AS (SELECT k.key AS key, MIN(r.number) AS number
                FROM keys k JOIN rows r USING (number) WHERE k.kind = :kind AND part > 0
                GROUP BY k.key)
SELECT mine.number, :rank, :told || other.place
FROM keys k JOIN rows mine ON mine.number = k.number JOIN theirs ON theirs.key = k.key
     JOIN rows other ON other.number = theirs.number
WHERE k.kind = :kind AND mine.part = 0 AND mine.bad = 0
"""

_NEAR = """
INSERT OR IGNORE INTO findings
SELECT kin.number, :rank, :told || named.place || CASE ifnull(named.id, '') WHEN '' THEN '' ELSE
       ' (' || named.id || ')' END
FROM kin JOIN rows mine ON mine.number = kin.number JOIN rows named ON named.number = kin.other
WHERE kin.kind = :kind AND mine.part = 0 AND mine.bad = 0 AND named.bad = 0
"""


def compare_rows(store: Store) -> None:
    """Find what rows have in common that they must not."""
    store.db.execute("CREATE INDEX by_key ON keys (kind, key)")
    store.reject()
    _later(store, Key.ID, Fault.REPEATED, by_split=False)
    for kind in (Key.ID, Key.ORIGIN, Key.CONTENT):
        _across(store, _SETS, kind, Fault.LEAK_SETS)
    for kind in (Key.CONTENT, Key.ORIGIN, Key.SOURCE):
        _across(store, _SPLITS, kind, Fault.LEAK_SPLITS)
    _later(store, Key.CONTENT, Fault.DUPLICATE, by_split=True)
    find_near(store)
    _near(store, Kin.SET, Fault.LEAK_SETS, "it sounds like ")
    _near(store, Kin.SPLIT, Fault.LEAK_SPLITS, "it sounds like another split's ")
    _near(store, Kin.COPY, Fault.NEAR_DUPLICATE, "it sounds like ")


def _later(store: Store, kind: Key, fault: Fault, *, by_split: bool) -> None:
    told = f"its {_NAMES[kind]} {'is that' if kind is Key.ID else 'are those'} of "
    values = {"kind": kind, "rank": rank_of(fault), "told": told, "by_split": int(by_split)}
    store.db.execute(_LATER, values)
    store.reject()


def _across(store: Store, query: str, kind: Key, fault: Fault) -> None:
    told = f"its {_NAMES[kind]} {'are those' if kind is Key.CONTENT else 'is that'} of "
    store.db.execute(query, {"kind": kind, "rank": rank_of(fault), "told": told})
    store.reject()


def _near(store: Store, kind: Kin, fault: Fault, told: str) -> None:
    store.db.execute(_NEAR, {"kind": kind, "rank": rank_of(fault), "told": told})
    store.reject()
