import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { mailboxesIn } from "../../../src/importing/mail/addresses.ts";
import { decodedWords } from "../../../src/importing/mail/encoded-words.ts";
import { mailDate } from "../../../src/importing/mail/mail-date.ts";
import { mailItems } from "../../../src/importing/mail/mail.ts";
import { mailMapping } from "../../../src/importing/mail/mapping.ts";
import type { Item } from "../../../src/importing/items.ts";

const [harbour, mill] = ["acc_0000000000000001", "acc_0000000000000002"];
const base = {
  source: "mail",
  message: { purpose: "relationship" },
  ours: { people: { "r.novak@ours.example": "per_00000000000000r1" }, domains: ["ours.example"] },
  people: { "m.l@harbour.example": { account: harbour, person: "per_00000000000000c1" } },
  accounts: { "harbour.example": harbour, "mill.example": mill },
};

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function itemsOf(text: string | Buffer, mapping: object = {}, { creates = false, chunkBytes = 37 } = {}): Promise<Item[]> {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return Array.fromAsync(mailItems(chunked(bytes, chunkBytes), { mapping: mailMapping.parse({ ...base, ...mapping }), creates }));
}

const message = (headers: string[], body = "Hello.\n\n") => `${headers.join("\n")}\n\n${body}`;
const separator = "From r.novak@ours.example Fri Jan  9 10:00:00 2026\n";
const written = (more: string[] = []) => [
  "From: R. Novak <R.Novak@ours.example>",
  "To: m.l@harbour.example",
  "Date: Fri, 9 Jan 2026 11:00:00 +0100",
  "Message-ID: <1@ours.example>",
  ...more,
];

describe("a message", () => {
  it("is read by the mapping of a calendar's address book too, time zone and all", () => {
    expect(mailMapping.safeParse({ ...base, timeZone: "Europe/Berlin" }).success).toBe(true);
  });

  it("of ours is an outbound interaction with each account that it went to", async () => {
    const headers = written([
      "Cc: Bakers: baker@mill.example, other@mill.example;",
      "In-Reply-To: <0@harbour.example>",
      "Subject: =?utf-8?q?Caf=C3=A9?=",
    ]);
    const common = {
      ...{
        kind: "email",
        purpose: "relationship",
        channel: "email",
        direction: "outbound",
        startedAt: "2026-01-09T10:00:00.000Z",
      },
      ...{ tags: ["reply"], note: "Caf\u00e9", source: "mail", externalId: "1@ours.example", perAccount: true },
    };
    const mapping = { note: "subject", message: { purpose: "relationship", replyTag: "reply" } };
    expect(await itemsOf(message(headers), mapping)).toEqual([
      {
        line: 1,
        name: "1@ours.example",
        openings: [],
        warnings: [],
        lines: [
          {
            command: "sync-interaction",
            body: { account: harbour, participants: ["per_00000000000000r1", "per_00000000000000c1"], ...common },
          },
          { command: "sync-interaction", body: { account: mill, participants: ["per_00000000000000r1"], ...common } },
        ],
      },
    ]);
  });

  it("of theirs is inbound, of the sender's account alone", async () => {
    const headers = ["From: m.l@harbour.example", "To: list@ours.example, baker@mill.example", "Date: 9 Jan 2026 11:00 +0100"];
    const [item] = await itemsOf(message(headers), { mailboxOf: "per_00000000000000r1" });
    expect(item).toMatchObject({
      warnings: ["unknown-colleague"],
      lines: [
        {
          body: {
            account: harbour,
            direction: "inbound",
            participants: ["per_00000000000000c1"],
            externalId: expect.stringMatching(/^sha256:/),
          },
        },
      ],
    });
    const [bare] = await itemsOf(message(headers.with(1, "To: undisclosed-recipients:;")), { mailboxOf: "per_00000000000000r1" });
    expect(bare).toMatchObject({ lines: [{ body: { participants: ["per_00000000000000r1", "per_00000000000000c1"] } }] });
  });

  it.each([
    [["Auto-Submitted: auto-replied"], "automatic"],
    [["List-Id: <news.harbour.example>"], "automatic"],
    [["Precedence: bulk"], "automatic"],
    [["To: friend@elsewhere.example"], "no-account"],
  ])("with %j is left out: %s", async (headers, reason) => {
    const [item] = await itemsOf(
      message([...headers, ...written().filter((line) => !line.startsWith("To:") || reason === "automatic")]),
    );
    expect(item).toMatchObject({ lines: [], omitted: { [reason]: 1 } });
  });

  it("opens accounts and people for new addresses where that is asked for, each once", async () => {
    const to = (text: string) => separator + message(written().with(1, `To: ${text}`));
    const items = await itemsOf(
      to('"Berg, Ana" <ana@new.example>') + to("leo@eu.new.example") + to("ana@new.example"),
      {},
      { creates: true },
    );
    expect(
      items.map(
        (item) => "openings" in item && item.openings?.map(({ command, body }) => [command, body["externalId"], body["name"]]),
      ),
    ).toEqual([
      [
        ["open-account", "new.example", "new.example"],
        ["add-person", "ana@new.example", "Berg, Ana"],
      ],
      [
        ["open-account", "eu.new.example", "eu.new.example"],
        ["add-person", "leo@eu.new.example", "leo@eu.new.example"],
      ],
      [],
    ]);
  });

  it.each([
    [written().toSpliced(2, 1), "/date", "is required"],
    [written().with(2, "Date: soon"), "/date", "is no date of a message"],
    [written().with(0, "From: nobody"), "/from", "has no address"],
    [[...written(), "no header at all"], "", "line 5 is no header"],
    [[...written(), `Subject: ${"x".repeat(300_000)}`], "", "has a header of more than 262144 bytes"],
  ])("%# that can't be read is refused by its name", async (headers, field, reason) => {
    expect(await itemsOf(message(headers), {}, { chunkBytes: 4_096 })).toMatchObject([
      { line: 1, name: "1@ours.example", field, reason },
    ]);
  });
});

describe("a mailbox", () => {
  it("is its messages, whatever their bodies say", async () => {
    const bodies = [
      "A line.\nFrom r.novak@ours.example Fri Jan  9 10:00:00 2026\n\nFrom here on all is prose.\n>From r.novak@ours.example Fri Jan  9 10:00:00 2026\nFrom: m.l@harbour.example\n\n",
      `${"x".repeat(10_000)}\r\n\r\n`,
      "--part\nContent-Type: message/rfc822\n\nFrom: m.l@harbour.example\nTo: r.novak@ours.example\n\n",
      "",
    ];
    const mailbox = bodies
      .map((body, index) => separator + message(written().with(3, `Message-ID: <${index}@x>`), body))
      .join("");
    for (const chunkBytes of [1, 7, 4_096]) {
      const items = await itemsOf(mailbox, {}, { chunkBytes });
      // It may have been meant as one, and what is passed over in silence is missed by nobody.
      expect(items[1]).toEqual({ line: 8, lines: [], warnings: ["doubtful-separator"] });
      expect(items.map(({ line, name }) => [line, name])).toEqual([
        [2, "0@x"],
        [8, undefined],
        [15, "1@x"],
        [23, "2@x"],
        [35, "3@x"],
      ]);
    }
  });

  it("with lines that end as on Windows, and a message cut off in its headers", async () => {
    const mailbox = (
      separator +
      message(written(), "x\n\n") +
      separator +
      "From: m.l@harbour.example\nDate: Fri, 9 Jan 2026 11:00:00 GMT"
    ).replaceAll("\n", "\r\n");
    expect(await itemsOf(mailbox)).toMatchObject([{ lines: [{}] }, { lines: [{ body: { direction: "inbound" } }] }]);
  });
});

describe("an address list", () => {
  it.each([
    ["a@b.example", ["a@b.example"]],
    ["A@B.Example, <c@d.example>", ["a@b.example", "c@d.example"]],
    ['"Berg, Ana" <ana@b.example>', ["Berg, Ana ana@b.example"]],
    ["ana@b.example (Ana (of Berg\\)s))", ["Ana (of Berg)s) ana@b.example"]],
    ["Team: a@b.example, Leo <l@b.example>;, z@b.example", ["a@b.example", "Leo l@b.example", "z@b.example"]],
    ["undisclosed-recipients:;", []],
    ["=?iso-8859-1?Q?Bj=F6rn?= =?utf-8?b?w7Y=?= <b@b.example>", ["Bj\u00f6rn\u00f6 b@b.example"]],
    ["<@old.example,@older.example:a@b.example>", ["a@b.example"]],
    ['"a b"@b.example, "a,b"@b.example', ["a,b@b.example"]],
    ["a @ b.example", ["a@b.example"]],
    ["John Q. Public <j@b.example>", ["John Q. Public j@b.example"]],
    ["nobody, @b.example, a@, a@., a@b..c, <>, a@b.example.", ["a@b.example"]],
    ['"<evil@x.example>" <a@b.example>', ["<evil@x.example> a@b.example"]],
  ])("%s", (text, expected) => {
    expect(mailboxesIn(text).map(({ name, address }) => (name === undefined ? address : `${name} ${address}`))).toEqual(expected);
  });

  it("of whatever characters ends, and gives addresses alone", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab@.<>()"\\,;: =?') }), (text) => {
        for (const { address } of mailboxesIn(text)) expect(address).toMatch(/^[^@\s]+@[^@\s<>(),;:.]+(\.[^@\s<>(),;:.]+)*$/);
      }),
      { numRuns: 300 },
    );
  });

  it("is read in a time that grows with it alone", () => {
    const began = performance.now();
    for (const letter of ["(", "<", '"', "a,", "a@b,", "=?", "\\"]) mailboxesIn(letter.repeat(100_000));
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

it.each([
  ["Fri, 9 Jan 2026 11:00:00 +0100", "2026-01-09T10:00:00.000Z"],
  ["9 Jan 26 11:00 EST", "2026-01-09T16:00:00.000Z"],
  ["Fri, 09 Jan 2026 11:00:00 -0000 (a (nested) comment)", "2026-01-09T11:00:00.000Z"],
  ["Fri , 9 Jan 2026 11 : 00 : 60 GMT", "2026-01-09T11:00:59.000Z"],
  ["1 Jan 99 00:00:00 Z", "1999-01-01T00:00:00.000Z"],
  ["31 Feb 2026 11:00:00 +0000", undefined],
  ["2026-01-09", undefined],
])("the date %s is %s", (text, expected) => {
  expect(mailDate(text)).toBe(expected);
});

it.each([
  ["=?windows-1252?Q?=80_5?=", "\u20ac 5"],
  ["=?no-charset?Q?x?=", "=?no-charset?Q?x?="],
  ["plain =?utf-8?Q?=C3=A9?= text", "plain \u00e9 text"],
])("the words %s are %s", (text, expected) => {
  expect(decodedWords(text)).toBe(expected);
});
