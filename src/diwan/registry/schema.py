"""The tables of the register, engine-neutral; migrations/ brings a database to this shape.

Numbers (`item`, `gate`, `label`, …) are internal and never leave the registry; the world knows references, aliases and
opaque cursors.  A `since` or `until` is a position: a microsecond instant given under the write order.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REGISTER: Final = MetaData()
"""What must never be lost; one file, one write order."""

WORDS: Final = MetaData()
"""What search looks up; derived, in a file of its own, so that building it never holds up intake."""

# SQLite makes only INTEGER PRIMARY KEY the row's own address; other engines need the wide type for positions.
_Wide = BigInteger().with_variant(Integer(), "sqlite")
# Compared byte by byte on every engine: versions sort, and ranges of names are asked for.
_Text = Text().with_variant(Text(collation="C"), "postgresql")

_VERSIONED: Final = text("version <> ''")

state = Table(
    "state",
    REGISTER,
    Column("name", _Text, primary_key=True),
    Column("value", _Wide, nullable=False),
)

policy = Table(
    "policy",
    REGISTER,
    Column("id", _Text, primary_key=True),
    Column("text", _Text, nullable=False),
)

membership = Table(
    "membership",
    REGISTER,
    Column("item", _Wide, primary_key=True, autoincrement=False),
    Column("originator", _Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
)

label = Table(
    "label",
    REGISTER,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("value", LargeBinary, nullable=False, unique=True),
)

gate = Table(
    "gate",
    REGISTER,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("world", _Text, nullable=False),
    Column("value", LargeBinary, nullable=False, unique=True),
    Column("since", _Wide, nullable=False),  # the last position given before it was made
)

gate_label = Table(
    "gate_label",
    REGISTER,
    Column("label", Integer, primary_key=True, autoincrement=False),
    Column("gate", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

item = Table(
    "item",
    REGISTER,
    Column("number", _Wide, primary_key=True, autoincrement=False),
    Column("originator", _Text, nullable=False),
    Column("id", LargeBinary(16), nullable=False),
    Column("kind", _Text, nullable=False),
    Column("world", _Text, nullable=False),
    Column("parent", _Wide),
    Column("entered", _Wide, nullable=False),
    UniqueConstraint("originator", "id", name="item_ref"),
    Index(
        "item_parent", "parent", sqlite_where=text("parent IS NOT NULL"), postgresql_where=text("parent IS NOT NULL")
    ),
)

revision = Table(
    "revision",
    REGISTER,
    Column("position", _Wide, primary_key=True, autoincrement=False),
    Column("item", _Wide, nullable=False),
    Column("rev", _Wide, nullable=False),
    Column("gate", Integer, nullable=False),  # behind what it can be read as history
    Column("label", Integer, nullable=False),
    Column("originator", _Text, nullable=False),
    Column("id", LargeBinary(16), nullable=False),
    Column("kind", _Text, nullable=False),
    Column("entered", _Wide, nullable=False),
    Column("title", _Text, nullable=False),
    Column("author", _Text),
    Column("brief", LargeBinary, nullable=False),
    Column("terms", _Text, nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("stub", LargeBinary, nullable=False),
    Column("batch", _Wide, nullable=False),
    Column("leaf", Integer, nullable=False),
    Column("path", LargeBinary, nullable=False),
    Column("stub_path", LargeBinary, nullable=False),
    Index("revision_item", "item", "rev", unique=True),
    # A signature is shown to whoever may read a revision that it covers; the row policy of `batch` asks for one.
    Index("revision_batch", "batch").ddl_if(dialect="postgresql"),
)

part = Table(
    "part",
    REGISTER,
    Column("number", _Wide, primary_key=True, autoincrement=False),
    Column("item", _Wide, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("name", _Text, nullable=False),
    Column("media_type", _Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("data", LargeBinary),  # NULL: the same bytes as `same_as`, under a fresh salt
    Column("same_as", _Wide),
    Index("part_item", "item"),
)

batch = Table(
    "batch",
    REGISTER,
    Column("number", _Wide, primary_key=True, autoincrement=False),
    Column("kid", _Text, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("promise", _Text, nullable=False),  # disk | standby: where it was when it was acknowledged
)

signing_key = Table(
    "signing_key",
    REGISTER,
    Column("kid", _Text, primary_key=True),
    Column("party", _Text, nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("since", _Wide, nullable=False),
)

stand = Table(
    "stand",
    REGISTER,
    Column("since", _Wide, primary_key=True, autoincrement=False),
    Column("item", _Wide, nullable=False),
    Column("gate", Integer, nullable=False),
    Column("revision", _Wide, nullable=False),
    Column("until", _Wide),
    Index("stand_open", "gate", "since", sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")),
    Index(
        "stand_closed",
        "gate",
        "until",
        sqlite_where=text("until IS NOT NULL"),
        postgresql_where=text("until IS NOT NULL"),
    ),
    Index("stand_item", "item", "since"),
)

mile = Table(
    "mile",
    REGISTER,
    Column("since", _Wide, primary_key=True, autoincrement=False),
)

head = Table(
    "head",
    REGISTER,
    Column("gate", Integer, primary_key=True, autoincrement=False),
    Column("entries", Integer, nullable=False),
    Column("newest", _Wide, nullable=False),
    Column("ended", _Wide, nullable=False),  # the latest position at which something stopped standing here
    Index("head_newest", "newest"),
)

counter = Table(
    "counter",
    REGISTER,
    Column("gate", Integer, primary_key=True, autoincrement=False),
    Column("kind", _Text, primary_key=True),
    Column("entries", Integer, nullable=False),
    sqlite_with_rowid=False,
)

alias = Table(
    "alias",
    REGISTER,
    Column("value", _Text, primary_key=True),
    # Before the gate, so that asking for a newer version is one look-up and not one for each open gate.
    Column("originator", _Text, primary_key=True),
    Column("version", _Text, primary_key=True),  # sorts; "" where the standard knows no versions
    Column("gate", Integer, primary_key=True, autoincrement=False),
    Column(
        "since", _Wide, primary_key=True, autoincrement=False
    ),  # intake refuses a second one, a child that moves with its parent never
    Column("written", _Text, nullable=False),  # the version as the standard writes it
    Column("content", LargeBinary, nullable=False),  # a digest of what it says
    Column("part", _Wide, nullable=False),  # the row that holds its bytes
    # An index of SQLite holds the primary key as well: with these columns a page of versions reads no row of the table.
    Index("alias_since", "since", "written", "part").ddl_if(dialect="sqlite"),
    Index("alias_since", "since").ddl_if(dialect="postgresql"),
    Index("alias_version", "gate", "since", "written", "part", sqlite_where=_VERSIONED).ddl_if(dialect="sqlite"),
    Index("alias_version", "gate", "since", postgresql_where=_VERSIONED).ddl_if(dialect="postgresql"),
    sqlite_with_rowid=False,
)

link = Table(
    "link",
    REGISTER,
    Column("value", _Text, primary_key=True),
    Column("gate", Integer, primary_key=True, autoincrement=False),
    Column("since", _Wide, primary_key=True, autoincrement=False),
    Column("relation", _Text, primary_key=True),
    Index("link_since", "since"),
    sqlite_with_rowid=False,
)

mention = Table(
    "mention",
    REGISTER,
    Column("value", _Text, primary_key=True),
    Column("gate", Integer, primary_key=True, autoincrement=False),
    Column("since", _Wide, primary_key=True, autoincrement=False),
    Index("mention_since", "since"),
    Index("mention_time", "value", "since"),
    sqlite_with_rowid=False,
)

tail = Table(
    "tail",
    REGISTER,
    Column("since", _Wide, primary_key=True, autoincrement=False),
    Column("gate", Integer, nullable=False),
    Column("terms", _Text, nullable=False),
)

reader_class = Table(
    "reader_class",
    REGISTER,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("value", LargeBinary, nullable=False),
    Column("own", _Text),  # NULL: shared by all readers of this value who never moved
    Column("rules", _Wide, nullable=False),
    Column("gates", Integer, nullable=False),
    Column("turns", _Wide),
    Column("open", LargeBinary, nullable=False),
    UniqueConstraint("value", "own", name="reader_class_value"),
)

seat = Table(
    "seat",
    REGISTER,
    Column("reader", _Text, primary_key=True),
    Column("class", Integer, nullable=False),
)

grant = Table(
    "gate_grant",
    REGISTER,
    Column("class", Integer, primary_key=True, autoincrement=False),
    Column("gate", Integer, primary_key=True, autoincrement=False),
    Column("opened", _Wide, primary_key=True),
    Column("closed", _Wide),
    Column("span", _Wide, nullable=False),  # positions kept free after `opened`, one for each entry that came with it
    sqlite_with_rowid=False,
)

note = Table(
    "note",
    REGISTER,
    Column("desk", _Text, primary_key=True),
    Column("name", _Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("ends", _Wide, nullable=False),  # from then on it may be thrown away
    Index("note_ends", "ends"),
    sqlite_with_rowid=False,
)

leaf = Table(
    "leaf",
    REGISTER,
    Column("number", _Wide, primary_key=True, autoincrement=False),
    Column("value", LargeBinary, nullable=False),
)

node = Table(
    "node",
    REGISTER,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", _Wide, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

account = Table(
    "account",
    REGISTER,
    Column("id", _Text, primary_key=True),
    Column("name", _Text, nullable=False, unique=True),
    Column("value", LargeBinary, nullable=False),
    Column("secret", _Text, nullable=False),
    Column("closed", _Wide),
)

ticket = Table(
    "ticket",
    REGISTER,
    Column("digest", LargeBinary, primary_key=True),
    Column("sort", _Text, nullable=False),  # session | token
    Column("id", _Text, nullable=False, unique=True),
    Column("account", _Text, nullable=False),
    Column("name", _Text, nullable=False),
    Column("made", _Wide, nullable=False),
    Column("seen", _Wide, nullable=False),
    Column("ends", _Wide, nullable=False),
    Index("ticket_account", "account"),
)

segment = Table(
    "segment",
    WORDS,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("level", Integer, nullable=False),
    Column("low", _Wide, nullable=False),
    Column("high", _Wide, nullable=False),
)

common_term = Table(
    "common_term",
    WORDS,
    Column("segment", Integer, primary_key=True),
    Column("term", _Wide, primary_key=True),
    Column("postings", Integer, nullable=False),
    sqlite_with_rowid=False,
)

posting_by_gate = Table(
    "posting_by_gate",
    WORDS,
    Column("segment", Integer, primary_key=True),
    Column("term", _Wide, primary_key=True),
    Column("gate", Integer, primary_key=True, autoincrement=False),
    Column("since", _Wide, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

posting_by_time = Table(
    "posting_by_time",
    WORDS,
    Column("segment", Integer, primary_key=True),
    Column("term", _Wide, primary_key=True),
    Column("since", _Wide, primary_key=True, autoincrement=False),
    Column("gate", Integer, nullable=False),
    sqlite_with_rowid=False,
)
