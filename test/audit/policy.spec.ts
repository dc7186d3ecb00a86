import { describe, expect, it } from "vitest";
import { rootHash } from "../../src/audit/merkle.ts";
import { openUnderPolicy, parsePolicy, type PolicyGroup, quorumOf } from "../../src/audit/policy.ts";
import { cosign, signTreeHead, treeHeadText } from "../../src/audit/tree-head.ts";
import { formatVerifierKey, signerKey, type SignerKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { auditError, leafHashes, logKey, mlDsaKeyText, origin, otherLogKey, witnessNamed } from "./log.examples.ts";

const log = `log ${formatVerifierKey(logKey)}`;
const [x1, x2, x3, y1, y2, y3] = [21, 22, 23, 31, 32, 33].map((fill) => witnessNamed(`w${fill}`, fill)) as [
  SignerKey,
  ...SignerKey[],
] &
  Record<number, SignerKey>;
const witness = (name: string, key: SignerKey) => `witness ${name} ${formatVerifierKey(key)}`;

/** The example of the specification. */
const example = `${log}

${witness("X1", x1)}
${witness("X2", x2!)}
${witness("X3", x3!)}
group X-witnesses 2 X1 X2 X3

${witness("Y1", y1!)}
${witness("Y2", y2!)}
${witness("Y3", y3!)}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;

const seenBy = (...witnesses: SignerKey[]) => witnesses.map((key, at) => ({ key: verifierOf(key), line: "", time: 100 + at }));

describe("a policy", () => {
  it("names logs, witnesses and a quorum", () => {
    const policy = parsePolicy(Buffer.from(example));
    expect(policy.logs).toEqual([{ key: verifierOf(logKey) }]);
    expect(policy.witnesses.map(({ name }) => name)).toEqual(["X1", "X2", "X3", "Y1", "Y2", "Y3"]);
    const { name, threshold, members } = policy.quorum as PolicyGroup;
    expect([name, threshold, members.map((member) => member.name)]).toEqual(["X-and-Y", 2, ["X-witnesses", "Y-witnesses"]]);
  });

  it.each([
    ["nobody", [], false],
    ["one of X", [x1], false],
    ["two of X", [x1, x3], false],
    ["all of X", [x1, x2, x3], false],
    ["all of Y", [y1, y2, y3], false],
    ["one of X, all of Y", [x2, y1, y2, y3], false],
    ["two of X and one of Y", [x2, x3, y2], true],
    ["everybody", [x1, x2, x3, y1, y2, y3], true],
  ] as [string, SignerKey[], boolean][])("counts %s", (_, witnesses, met) => {
    expect(quorumOf(parsePolicy(example), seenBy(...witnesses)).met).toBe(met);
  });

  it("gives the time by which the quorum had seen, whoever came later or stands first", () => {
    const [early, late, between] = seenBy(x1, y1!, x2!);
    const cosignatures = [
      { ...late!, time: 300 },
      { ...early!, time: 100 },
      { ...between!, time: 200 },
    ];
    expect(quorumOf(parsePolicy(example), [...cosignatures, { ...seenBy(y2!)[0]!, time: 250 }])).toEqual({
      met: true,
      time: 250,
    });
    expect(quorumOf(parsePolicy(example), cosignatures)).toEqual({ met: true, time: 300 });
    expect(quorumOf(parsePolicy("quorum none\n"), cosignatures)).toEqual({ met: true });
  });

  it("does not count a witness that it doesn't name, nor one of the same name with another key", () => {
    const policy = parsePolicy(`${log}\n${witness("w", x1)}\nquorum w\n`);
    expect(quorumOf(policy, seenBy(x2!))).toEqual({ met: false });
    const namesake = signerKey(x1.name, 0x04, new Uint8Array(32).fill(99));
    expect(quorumOf(policy, seenBy(namesake))).toEqual({ met: false });
    expect(quorumOf(policy, [{ ...seenBy(namesake)[0]!, key: { ...verifierOf(namesake), id: x1.id } }])).toEqual({ met: false });
  });

  it("judges a signed tree head", async () => {
    const head = { origin, size: 3, root: rootHash(leafHashes(3)) };
    const text = treeHeadText(head);
    const note = signTreeHead(head, [logKey]) + [x1, x2!, y3!].map((key, at) => cosign(text, key, 50 + at)).join("");
    const { treeHead, quorum } = await openUnderPolicy(Buffer.from(note), parsePolicy(example));
    expect([treeHead.size, treeHead.cosignatures.length, quorum]).toEqual([3, 3, { met: true, time: 52 }]);
    const other = example.replace(log, `log ${formatVerifierKey(otherLogKey)}`);
    expect(await auditError(() => openUnderPolicy(note, parsePolicy(other)))).toEqual({ code: "no-trusted-signature" });
  });

  it("may name a witness whose signatures can't be verified here, which then counts as not having seen", () => {
    const policy = parsePolicy(`${log}\n${witness("a", x1)}\nwitness pq ${mlDsaKeyText}\ngroup both all a pq\nquorum both\n`);
    expect(quorumOf(policy, seenBy(x1))).toEqual({ met: false });
  });

  it("is spaced, commented and addressed as its author likes", () => {
    const policy = parsePolicy(
      `# ours\n\t ${log}\thttps://ledger.example/  \n   \n #x\n${witness("w", x1)} https://w.example/a\n  quorum\tw`,
    );
    expect(policy.logs[0]?.url).toBe("https://ledger.example/");
    expect(policy.witnesses[0]?.url).toBe("https://w.example/a");
    expect(policy.quorum).toBe(policy.witnesses[0]);
  });

  it("takes names as octets, whatever they mean", () => {
    const latin = Buffer.concat([
      Buffer.from(`${log}\nwitness `),
      Buffer.of(0xe9),
      Buffer.from(` ${formatVerifierKey(x1)}\nquorum `),
    ]);
    expect(parsePolicy(Buffer.concat([latin, Buffer.of(0xe9, 0x0a)])).quorum).toMatchObject({ name: "é" });
    const twins = `${witness("K", x1)}\n${witness("\u212a", x2!)}\n${witness("any", x3!)}\ngroup 2 any any\nquorum \u212a\n`;
    expect(parsePolicy(twins).quorum).toMatchObject({ name: "\u212a" });
  });

  it("holds 500 witnesses and 500 groups, nested", () => {
    const lines = Array.from({ length: 500 }, (_, at) => {
      const key = signerKey(`w${at}.example`, 0x04, Buffer.from(String(at).padStart(32, "0")));
      return [witness(`w${at}`, key), `group g${at} all w${at}${at > 0 ? ` g${at - 1}` : ""}`].join("\n");
    });
    const policy = parsePolicy(`${lines.join("\n")}\nquorum g499\n`);
    const all = policy.witnesses.map(({ key }, at) => ({ key, line: "", time: at }));
    expect(quorumOf(policy, all)).toEqual({ met: true, time: 499 });
    expect(quorumOf(policy, all.slice(1))).toEqual({ met: false });
  });

  const w = witness("w", x1);
  const renamed = `witness v ${formatVerifierKey(signerKey("renamed.example", 0x04, x1.seed))}`;
  it.each([
    ["an unknown line", "hello\nquorum none\n", 1],
    ["a keyword in capitals", "LOG x\nquorum none\n", 1],
    ["a carriage return", `${log}\r\nquorum none\r\n`, 1],
    ["a form feed", "\nquorum\fnone\n", 2],
    ["DEL", "quorum none\n#\x7f\n", 2],
    ["a no-break space as a separator", "quorum\u00a0none\n", 1],
    ["a log without a key", "log\nquorum none\n", 1],
    ["a log with a broken key", `${log}A\nquorum none\n`, 1],
    ["a log with too much", `${log} https://a https://b\nquorum none\n`, 1],
    ["a log twice", `${log}\n${log} https://a\nquorum none\n`, 2],
    ["a log twice under two names", `${log}\nlog ${formatVerifierKey(signerKey("x", 0x01, logKey.seed))}\nquorum none\n`, 2],
    ["a witness without a key", "witness w\nquorum none\n", 1],
    ["a witness with a log's key", `witness w ${formatVerifierKey(logKey)}\nquorum none\n`, 1],
    ["a witness twice", `${w}\n${witness("v", x1)}\nquorum none\n`, 2],
    ["a witness twice under two key names", `${w}\n${renamed}\nquorum none\n`, 2],
    ["a name twice", `${w}\n${witness("w", x2!)}\nquorum none\n`, 2],
    ["a group with a witness's name", `${w}\ngroup w any w\nquorum none\n`, 2],
    ["a witness called none", `${witness("none", x1)}\nquorum none\n`, 1],
    ["a group called none", `${w}\ngroup none any w\nquorum none\n`, 2],
    ["a group without members", `${w}\ngroup g any\nquorum none\n`, 2],
    ["a group of nobody known", `${w}\ngroup g any w v\nquorum none\n`, 2],
    ["none as a member", `${w}\ngroup g any none\nquorum none\n`, 2],
    ["a group in itself", `group g any g\nquorum none\n`, 1],
    ["a group before its members", `group g any w\n${w}\nquorum g\n`, 1],
    ["a member twice in a group", `${w}\ngroup g 2 w w\nquorum g\n`, 2],
    ["a member of two groups", `${w}\ngroup g any w\ngroup h any w\nquorum g\n`, 3],
    ["a threshold of 0", `${w}\ngroup g 0 w\nquorum g\n`, 2],
    ["a threshold above the members", `${w}\ngroup g 2 w\nquorum g\n`, 2],
    ["a threshold with a leading zero", `${w}\ngroup g 01 w\nquorum g\n`, 2],
    ["a threshold with a sign", `${w}\ngroup g +1 w\nquorum g\n`, 2],
    ["a threshold called ALL", `${w}\ngroup g ALL w\nquorum g\n`, 2],
    ["a quorum of nobody known", `${w}\nquorum v\n`, 2],
    ["a quorum before its definition", `quorum w\n${w}\n`, 1],
    ["a quorum without a name", "quorum\n", 1],
    ["a quorum of two", `${w}\nquorum w w\n`, 2],
    ["two quorums", "quorum none\nquorum none\n", 2],
    ["no quorum", `${w}\n`, undefined],
    ["nothing", "", undefined],
  ])("is refused with %s", async (_, odd, line) => {
    expect(await auditError(() => parsePolicy(odd))).toEqual({ code: "malformed-policy", ...(line ? { line } : {}) });
  });

  it("says in words what is wrong, and where", () => {
    expect(() => parsePolicy(`${w}\ngroup g 3 w\n`)).toThrow("line 2: write any, all or a number from 1 to 1");
  });
});
