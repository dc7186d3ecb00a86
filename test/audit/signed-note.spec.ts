import { describe, expect, it } from "vitest";
import { noteOf, openNote, parseNote, signatureLine } from "../../src/audit/signed-note.ts";
import { signEd25519, verifyEd25519 } from "../../src/audit/signature.ts";
import {
  formatSignerKey,
  formatVerifierKey,
  keyId,
  parseSignerKey,
  parseVerifierKey,
  signerKey,
  verifierOf,
} from "../../src/audit/verifier-key.ts";
import { auditError, east, flipped, keys, logKey, mlDsaKeyText, nextLogKey, otherLogKey, west } from "./log.examples.ts";

const text = "A promise was kept.\n\nThe customer says so too.\n";
const line = signatureLine(text, logKey);
const note = noteOf(text, [line]);
const malformed = { code: "malformed-note" };
const nobody = { code: "no-trusted-signature" };
const bad = { code: "bad-signature" };

/** A line that bears a key's name and id over any bytes. */
const forged = ({ name, id }: { name: string; id: number }, signature: Uint8Array) => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(id);
  return `— ${name} ${Buffer.concat([head, signature]).toString("base64")}\n`;
};

describe("opening a note", () => {
  it("gives the text, empty lines and all, and who signed", async () => {
    const opened = await openNote(Buffer.from(note), [keys.log]);
    expect(opened).toEqual({ text, signatures: [{ key: keys.log, line: line.trimEnd() }], unknown: [] });
    expect(await openNote(note, [keys.log])).toEqual(opened);
  });

  it("keeps what is signed byte for byte: a byte order mark, combining marks, a line that looks like a signature", async () => {
    for (const odd of [
      "\ufeffx\n",
      "e\u0301 é\n",
      "— me AAAA\n",
      "\n",
      "\n\n\n",
      "x\r".slice(0, 1) + "\u0085\u2028\n",
      "\x7f\n",
    ]) {
      const opened = await openNote(Buffer.from(noteOf(odd, [signatureLine(odd, logKey)])), [keys.log]);
      expect(opened.text).toBe(odd);
    }
  });

  it("sets unknown keys aside, even ones that share a name or an id with a trusted one", async () => {
    const sameName = forged({ ...logKey, id: logKey.id + 1 }, new Uint8Array(64));
    const sameId = forged({ ...logKey, name: "somebody.example" }, new Uint8Array(64));
    const opened = await openNote(noteOf(text, [sameName, line, sameId]), [keys.log]);
    expect(opened.signatures).toHaveLength(1);
    expect(opened.unknown.map((unknown) => `${unknown.line}\n`)).toEqual([sameName, sameId]);
  });

  it("refuses the note where any line of a trusted key is not its signature", async () => {
    const signature = signEd25519(logKey.seed, Buffer.from(text));
    for (const wrong of [
      flipped(signature, 0),
      flipped(signature, 63),
      signature.subarray(1),
      Buffer.concat([signature, signature]),
    ]) {
      expect(await auditError(() => openNote(noteOf(text, [forged(logKey, wrong)]), [keys.log]))).toEqual(bad);
      expect(await auditError(() => openNote(noteOf(text, [line, forged(logKey, wrong)]), [keys.log]))).toEqual(bad);
    }
    const other = signatureLine(text, otherLogKey);
    const both = noteOf(text, [forged(logKey, flipped(signature, 5)), other]);
    expect(await auditError(() => openNote(both, [keys.log, verifierOf(otherLogKey)]))).toEqual(bad);
    expect(await auditError(() => openNote(both, [verifierOf(otherLogKey)]))).toBeUndefined();
  });

  it("refuses the note after any change of its text", async () => {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.with(at, bytes[at] === 0x61 ? 0x62 : 0x61);
      const error = await auditError(() => openNote(Buffer.concat([changed, Buffer.from(`\n${line}`)]), [keys.log]));
      // Without its final LF the text runs into the signature.
      expect(["bad-signature", "malformed-note"]).toContain(error?.code);
    }
  });

  it("needs one trusted key at least", async () => {
    expect(await auditError(() => openNote(note, []))).toEqual(nobody);
    expect(await auditError(() => openNote(note, [keys.east]))).toEqual(nobody);
  });

  it("counts several lines of one key once, by the first", async () => {
    const lines = [signatureLine(text, east, 20), line, signatureLine(text, east, 10), line];
    const { signatures } = await openNote(noteOf(text, lines), [keys.log, keys.east]);
    expect(signatures.map(({ key, time }) => [key.name, time])).toEqual([
      [east.name, 20],
      [logKey.name, undefined],
    ]);
  });

  it("takes a hundred signatures and no more", async () => {
    const strangers = Array.from({ length: 99 }, (_, at) => forged({ name: `n${at}`, id: at }, new Uint8Array(2420)));
    expect((await openNote(noteOf(text, [...strangers, line]), [keys.log])).unknown).toHaveLength(99);
    expect(await auditError(() => openNote(noteOf(text, [...strangers, line, line]), [keys.log]))).toEqual(malformed);
  });

  it("does not choose between two trusted keys that share name and id", async () => {
    const twin = { ...keys.log, publicKey: keys.east.publicKey };
    expect(await auditError(() => openNote(note, [keys.log, twin]))).toEqual({ code: "malformed-key" });
    expect((await openNote(note, [keys.log, { ...keys.log }])).signatures).toHaveLength(1);
  });

  it("sets lines of ML-DSA-44 keys aside, as it can't verify them", async () => {
    const key = parseVerifierKey(mlDsaKeyText);
    const opened = await openNote(noteOf(text, [line, forged(key, new Uint8Array(2428))]), [keys.log, key]);
    expect(opened.signatures).toHaveLength(1);
    expect(opened.unknown).toHaveLength(1);
    expect(await auditError(() => openNote(noteOf(text, [forged(key, new Uint8Array(2428))]), [key]))).toEqual(nobody);
  });
});

describe("a cosignature", () => {
  it("says when it was made, and covers that", async () => {
    const cosigned = signatureLine(text, east, 1_679_315_147);
    const { signatures } = await openNote(noteOf(text, [cosigned]), [keys.east]);
    expect(signatures[0]?.time).toBe(1_679_315_147);
    const payload = Buffer.from(cosigned.trimEnd().split(" ").at(-1)!, "base64").subarray(4);
    for (let at = 0; at < payload.length; at++) {
      const changed = noteOf(text, [forged(east, flipped(payload, at))]);
      expect(await auditError(() => openNote(changed, [keys.east]))).toEqual(bad);
    }
  });

  it("is over the header, the time and the text", async () => {
    const message = Buffer.from(`cosignature/v1\ntime 18\n${text}`);
    const payload = Buffer.concat([Buffer.from("0000000000000012", "hex"), signEd25519(east.seed, message)]);
    expect(forged(east, payload)).toBe(signatureLine(text, east, 18));
  });

  it("is not the same key's plain signature, nor the reverse", async () => {
    const plain = signerKey(east.name, 0x01, east.seed);
    expect(plain.id).not.toBe(east.id);
    const asPlain = forged(east, signEd25519(east.seed, Buffer.from(text)));
    expect(await auditError(() => openNote(noteOf(text, [asPlain]), [keys.east]))).toEqual(bad);
    const crossed = noteOf(text, [signatureLine(text, east, 5)]);
    expect(await auditError(() => openNote(crossed, [verifierOf(plain)]))).toEqual(nobody);
  });

  it("refuses times that no clock shows, and needs one", async () => {
    const message = Buffer.from(`cosignature/v1\ntime ${2n ** 53n}\n${text}`);
    const late = Buffer.concat([Buffer.from("0020000000000000", "hex"), signEd25519(east.seed, message)]);
    expect(await auditError(() => openNote(noteOf(text, [forged(east, late)]), [keys.east]))).toEqual(bad);
    for (const time of [undefined, -1, 1.5, NaN, 2 ** 53]) expect(() => signatureLine(text, east, time)).toThrow(RangeError);
    expect(() => signatureLine(text, logKey, 5)).toThrow(RangeError);
    expect(signatureLine(text, west, 0)).toMatch(/^— west/);
  });
});

describe("the form of a note", () => {
  it.each([
    ["empty", ""],
    ["no signatures", text],
    ["no lines of signatures", `${text}\n`],
    ["no empty line", `${text}${line}`],
    ["no final LF", note.slice(0, -1)],
    ["an empty line at the end", `${note}\n`],
    ["a carriage return", note.replace("kept.\n", "kept.\r\n")],
    ["a tab", note.replace(" kept", "\tkept")],
    ["NUL", note.replace(" kept", "\0kept")],
    ["a control character in the signature", note.replace(/\n$/, "\x1f\n")],
    ["a hyphen for the dash", note.replace("— ", "- ")],
    ["no name", `${text}\n— AAAAAAA=\n`],
    ["two spaces", note.replace("— ", "—  ")],
    ["a space at the end", note.replace(/\n$/, " \n")],
    ["a plus in the name", note.replace("ledger.example", "ledger+example")],
    ["a no-break space in the name", note.replace("ledger.example", "ledger\u00a0example")],
    ["an ideographic space in the name", note.replace("ledger.example", "ledger\u3000example")],
    ["a next-line character in the name", note.replace("ledger.example", "ledger\u0085example")],
    ["base64 without padding", `${text}\n— name AAAAAAA\n`],
    ["base64 of the URL alphabet", `${text}\n— name AAAAAA-_\n`],
    ["base64 with pad bits set", `${text}\n— name AAAAAAB=\n`],
    ["an id alone", `${text}\n— name AAAAAA==\n`],
    ["a line of another kind", `${note}hello\n`],
    ["a lone surrogate", note.replace("kept", "\ud800")],
    ["a million bytes", `${"x".repeat(1_000_000)}\n\n${line}`],
  ])("is refused with %s", async (_, odd) => expect(await auditError(() => parseNote(odd))).toEqual(malformed));

  it("is UTF-8 in its shortest form", async () => {
    for (const odd of [[0xff], [0xc0, 0x8a], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x80]]) {
      expect(await auditError(() => parseNote(Buffer.concat([Buffer.from(odd), Buffer.from(note)])))).toEqual(malformed);
    }
  });

  it("is never written otherwise", () => {
    for (const odd of ["", "no LF", "a\rb\n", "\ud800\n"]) expect(() => signatureLine(odd, logKey)).toThrow(RangeError);
  });
});

describe("keys", () => {
  it("are written and read", () => {
    for (const key of [logKey, nextLogKey, east]) {
      expect(parseVerifierKey(formatVerifierKey(key))).toEqual(verifierOf(key));
      expect(parseSignerKey(formatSignerKey(key))).toEqual(key);
    }
    expect(verifierOf(logKey)).not.toHaveProperty("seed");
    expect(formatVerifierKey(parseVerifierKey(mlDsaKeyText))).toBe(mlDsaKeyText);
  });

  const [name = "", id = "", ...rest] = formatVerifierKey(logKey).split("+");
  const base64 = rest.join("+");
  const long = Buffer.concat([Buffer.of(1), logKey.publicKey, Buffer.of(0)]);
  const short = Buffer.concat([Buffer.of(1), logKey.publicKey.subarray(1)]);
  it.each([
    ["empty", ""],
    ["a name alone", name],
    ["no key", `${name}+${id}+`],
    ["no name", `+${id}+${base64}`],
    ["a space in the name", `a b+${id}+${base64}`],
    ["another name", `${name}x+${id}+${base64}`],
    ["another id", `${name}+00000000+${base64}`],
    ["an id in capitals", `${name}+${id.toUpperCase()}+${base64}`.replace(/\+0*\d+\+/, "+ABCDEF01+")],
    ["an id of seven digits", `${name}+${id.slice(1)}+${base64}`],
    ["something after it", `${name}+${id}+${base64}\n`],
    ["base64 without padding", `${name}+${id}+${base64}A`],
    ["a short key", `${name}+${keyId(name, 1, short.subarray(1)).toString(16).padStart(8, "0")}+${short.toString("base64")}`],
    ["a long key", `${name}+${keyId(name, 1, long.subarray(1)).toString(16).padStart(8, "0")}+${long.toString("base64")}`],
    [
      "a type that is not known",
      `${name}+${keyId(name, 2, logKey.publicKey).toString(16).padStart(8, "0")}+Ag${base64.slice(2)}`,
    ],
  ])("are refused with %s", async (_, odd) =>
    expect(await auditError(() => parseVerifierKey(odd))).toEqual({ code: "malformed-key" }),
  );

  it("that are secret are refused without being quoted", async () => {
    const secret = formatSignerKey(logKey);
    for (const odd of [secret.slice(1), secret.replace("PRIVATE", "Private"), `${secret}AAAA`, secret.replace(name, "x"), ""]) {
      const error = (() => {
        try {
          return parseSignerKey(odd);
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toMatchObject({ code: "malformed-key" });
      expect(String(error)).not.toContain(secret.slice(-12));
    }
    expect(await auditError(() => parseSignerKey(formatVerifierKey(logKey)))).toEqual({ code: "malformed-key" });
    expect(() => signerKey("a b", 0x01, new Uint8Array(32))).toThrow(RangeError);
    expect(() => signerKey("a", 0x01, new Uint8Array(31))).toThrow(RangeError);
  });

  it("that are no points of the curve verify nothing, and throw nothing", async () => {
    for (const fill of [0, 2, 255]) {
      expect(await verifyEd25519(new Uint8Array(32).fill(fill), Buffer.from(text), new Uint8Array(64).fill(fill))).toBe(false);
    }
    expect(await verifyEd25519(new Uint8Array(31), Buffer.from(text), new Uint8Array(64))).toBe(false);
  });
});
