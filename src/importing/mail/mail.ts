/** From the headers of messages to interactions: who wrote to whom and when, one for each account. */
import { createHash } from "node:crypto";
import type { Instant } from "../../domain/values.ts";
import { AddressBook, bounded, type Known, type Mailbox, parties, warningsOn } from "../address-book.ts";
import type { Json } from "../fields.ts";
import { attempted, type Imported, type Item, omission } from "../items.ts";
import { RowError } from "../refusals.ts";
import { mailboxesIn } from "./addresses.ts";
import { decodedWords } from "./encoded-words.ts";
import { mailDate } from "./mail-date.ts";
import type { MailMapping } from "./mapping.ts";
import { type Message, messagesOf } from "./messages.ts";

export type MailContext = { mapping: MailMapping; creates: boolean };

export async function* mailItems(bytes: AsyncIterable<Buffer>, { mapping, creates }: MailContext): AsyncGenerator<Item> {
  const book = new AddressBook(mapping, creates);
  for await (const message of messagesOf(bytes)) {
    const name = messageIdOf(message);
    const about = { line: message.line, ...(name === undefined ? {} : { name }) };
    if (message.isDoubtful) yield { ...about, lines: [], warnings: ["doubtful-separator"] };
    else if (message.fault !== undefined) yield { ...about, field: "", reason: message.fault };
    else yield { ...about, ...attempted(() => importedFrom(message, mapping, book)) };
  }
}

const first = ({ headers }: Message, name: string): string => headers.get(name)?.[0] ?? "";

const messageIdOf = (message: Message): string | undefined => /<([^<>\s]{1,998})>/.exec(first(message, "message-id"))?.[1];

function importedFrom(message: Message, mapping: MailMapping, book: AddressBook): Imported {
  if (mapping.automatic === "skip" && isAutomatic(message)) return omission("automatic");
  const at = mailDate(first(message, "date"));
  if (at === undefined) throw new RowError("date", first(message, "date") === "" ? "is required" : "is no date of a message");
  const senders = mailboxesIn(first(message, "from") || first(message, "sender"));
  if (senders.length === 0) throw new RowError("from", "has no address");
  const from = senders.map((each) => book.known(each, at));
  const to = [...addressed(message, "to"), ...addressed(message, "cc")].map((each) => book.known(each, at));
  const direction = from.some(({ side }) => side === "ours") ? "outbound" : "inbound";
  const found = parties(metIn(direction, from, to, mapping));
  const openings = book.takeOpenings();
  const warnings = warningsOn([...from, ...to]);
  if (found.length === 0) return { ...omission("no-account"), openings, warnings };
  const lines = found.map(({ account, participants }) => ({
    command: "sync-interaction",
    body: { account, participants, ...bodyOf(message, mapping, direction, at) },
  }));
  return { lines, openings, warnings };
}

/** What somebody wrote to us concerns the sender's account; who else was sent a copy did not seek us. */
function metIn(direction: string, from: readonly Known[], to: readonly Known[], { mailboxOf }: MailMapping): Known[] {
  if (direction === "outbound") return [...from, ...to];
  const ours = to.filter(({ side }) => side === "ours");
  const host: Known[] = ours.length === 0 && mailboxOf !== undefined ? [{ side: "ours", person: mailboxOf }] : [];
  const accounts = new Set(from.map((each) => (each.side === "theirs" ? JSON.stringify(each.account) : "")));
  const colleagues = to.filter((each) => each.side === "theirs" && accounts.has(JSON.stringify(each.account)));
  return [...ours, ...host, ...from, ...colleagues];
}

const addressed = ({ headers }: Message, name: string): Mailbox[] => (headers.get(name) ?? []).flatMap(mailboxesIn);

/** By RFC 3834, or by the marks of lists. */
function isAutomatic(message: Message): boolean {
  const submitted = first(message, "auto-submitted").toLowerCase();
  if (submitted !== "" && !submitted.startsWith("no")) return true;
  if (/^(bulk|list|junk|auto_reply)\b/i.test(first(message, "precedence"))) return true;
  return message.headers.has("list-id") || message.headers.has("list-unsubscribe");
}

function bodyOf(message: Message, mapping: MailMapping, direction: string, startedAt: Instant): Record<string, Json> {
  const { kind, purpose, channel, tags, replyTag } = mapping.message;
  const isReply = replyTag !== undefined && first(message, "in-reply-to") !== "";
  const subject = decodedWords(first(message, "subject"))
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 4_000)
    .toWellFormed();
  return {
    ...{ kind, purpose, channel, direction, startedAt },
    tags: isReply ? [...new Set([...tags, replyTag])] : tags,
    ...(mapping.note === "subject" && subject !== "" ? { note: subject } : {}),
    ...{ source: mapping.source, externalId: bounded(messageIdOf(message) ?? nameless(message)), perAccount: true },
  };
}

/** A message without an id is known by who wrote to whom and when. */
const nameless = (message: Message): string => {
  const parts = ["from", "to", "cc", "date"].map((name) => message.headers.get(name) ?? []);
  return `sha256:${createHash("sha256").update(JSON.stringify(parts)).digest("hex")}`;
};
