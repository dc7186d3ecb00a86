/** Address lists of headers (RFC 5322, sections 3.4 and 4.4): names, comments, quotes, groups and routes. Linear in the text. */
import type { Mailbox } from "../address-book.ts";
import { decodedWords } from "./encoded-words.ts";

const addressCountMax = 1_000;

/** The mailboxes of a list, those of groups included; what is no address is passed over. */
export function mailboxesIn(text: string): Mailbox[] {
  const found: Mailbox[] = [];
  let part = emptyPart();
  for (const token of tokensOf(text)) {
    switch (token.type) {
      case "comment":
        part.comment ??= token.text;
        break;
      case "angle":
        part.angle ??= token.text;
        break;
      case "colon":
        // The name of a group: its members follow.
        part = emptyPart();
        break;
      case "end":
        found.push(...mailboxOf(part));
        part = emptyPart();
        break;
      case "word":
        part.words.push(token);
    }
    if (found.length >= addressCountMax) return found;
  }
  return [...found, ...mailboxOf(part)];
}

type Word = { text: string; isQuoted: boolean; isSpaced: boolean };
type Part = { words: Word[]; angle?: string; comment?: string };
const emptyPart = (): Part => ({ words: [] });

type Token = ({ type: "word" } & Word) | { type: "angle" | "comment"; text: string } | { type: "colon" | "end" };

function* tokensOf(text: string): Generator<Token> {
  let at = 0;
  let isSpaced = false;
  while (at < text.length) {
    const letter = text[at]!;
    if (/\s/.test(letter)) {
      isSpaced = true;
      at += 1;
      continue;
    }
    if (letter === '"') {
      const { content, end } = enclosed(text, at + 1, '"');
      yield { type: "word", text: content, isQuoted: true, isSpaced };
      at = end;
    } else if (letter === "(") {
      const { content, end } = commented(text, at + 1);
      yield { type: "comment", text: content };
      at = end;
    } else if (letter === "<") {
      const { content, end } = angled(text, at + 1);
      yield { type: "angle", text: content };
      at = end;
    } else if (letter === "," || letter === ";") {
      yield { type: "end" };
      at += 1;
    } else if (letter === ":") {
      yield { type: "colon" };
      at += 1;
    } else {
      const end = endOfWord(text, at);
      yield { type: "word", text: text.slice(at, end), isQuoted: false, isSpaced };
      at = end;
    }
    isSpaced = false;
  }
}

function endOfWord(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && !/[\s"(<,;:]/.test(text[at]!)) at += 1;
  return at;
}

/** Up to the closing sign, with what a backslash keeps. */
function enclosed(text: string, from: number, close: string): { content: string; end: number } {
  let content = "";
  let at = from;
  for (; at < text.length && text[at] !== close; at += 1) {
    if (text[at] === "\\" && at + 1 < text.length) at += 1;
    content += text[at];
  }
  return { content, end: at + 1 };
}

/** Comments may hold comments. */
function commented(text: string, from: number): { content: string; end: number } {
  let content = "";
  let depth = 1;
  let at = from;
  for (; at < text.length; at += 1) {
    const letter = text[at]!;
    if (letter === "\\" && at + 1 < text.length) {
      at += 1;
      content += text[at];
      continue;
    }
    if (letter === "(") depth += 1;
    if (letter === ")" && (depth -= 1) === 0) break;
    content += letter;
  }
  return { content, end: at + 1 };
}

/** A quoted local part may hold a `>`. */
function angled(text: string, from: number): { content: string; end: number } {
  let content = "";
  let at = from;
  for (; at < text.length && text[at] !== ">"; at += 1) {
    if (text[at] === "(") {
      at = commented(text, at + 1).end - 1;
    } else if (text[at] === '"') {
      const quoted = enclosed(text, at + 1, '"');
      content += text.slice(at, quoted.end);
      at = quoted.end - 1;
    } else if (!/\s/.test(text[at]!)) content += text[at];
  }
  return { content, end: at + 1 };
}

function mailboxOf({ words, angle, comment }: Part): Mailbox[] {
  const written = angle === undefined ? words.map(({ text }) => text).join("") : routeless(angle);
  const address = plainAddress(written);
  if (address === undefined) return [];
  const name = named(angle === undefined ? (comment ?? "") : phraseOf(words) || (comment ?? ""));
  return [name === "" ? { address } : { address, name }];
}

/** `@a,@b:user@c` names the way a message was to take long ago. */
const routeless = (angle: string): string => angle.replace(/^\s*@[^:]*:/, "");

/** A domain is labels parted by dots; one at its end names the root. */
const domainForm = /^[^\s@,;:<>()[\]\\".]+(?:\.[^\s@,;:<>()[\]\\".]+)*\.?$/;

function plainAddress(written: string): string | undefined {
  const at = written.lastIndexOf("@");
  const [local, domain] = [written.slice(0, at).replace(/^"(.*)"$/, "$1"), written.slice(at + 1)];
  if (at < 1 || !/^[^\s@]{1,200}$/.test(local) || domain.length > 253 || !domainForm.test(domain)) return undefined;
  return `${local}@${domain.replace(/\.$/, "")}`.toLowerCase();
}

const phraseOf = (words: readonly Word[]): string =>
  decodedWords(words.map(({ text, isSpaced }, index) => (index > 0 && isSpaced ? ` ${text}` : text)).join(""));

const named = (text: string): string =>
  decodedWords(text)
    .replace(/\p{Cc}+/gu, " ")
    .trim();
