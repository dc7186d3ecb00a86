/** The direction of dependencies (docs/ARCHITECTURE.md). Each rule gives its reason in `comment`. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: "error",
  from: { path: from },
  to: { pathNot: [from, ...allowed] },
});

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "A cycle means that two files are one idea.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    only(
      "domain-is-pure",
      "^src/domain/",
      ["node_modules/(zod|cephes)/"],
      "The domain must give the same answer for ever and everywhere, the offline verifier included.",
    ),
    only(
      "port-stands-alone",
      "^src/event-store/event-store\\.ts$",
      [],
      "An adapter for another store needs nothing of Troth but the port.",
    ),
    only(
      "stores-know-the-port-alone",
      "^src/event-store/",
      ["^node:", "^(fs|path|sqlite|crypto|events|timers/promises)$"],
      "Adapters import the port and their own driver.",
    ),
    only(
      "canonical-stands-alone",
      "^src/canonical/",
      ["^node:crypto$", "^crypto$", "node_modules/canonicalize/"],
      "An auditor reads these few lines first.",
    ),
    only(
      "audit-stands-alone",
      "^src/audit/",
      ["^node:crypto$", "^crypto$", "^src/canonical/"],
      "An auditor verifies offline: of Troth the audit log needs canonical JSON (for the census) alone, and no store, vault or API.",
    ),
    {
      name: "audit-hashes-and-signs-in-one-place",
      comment: "A browser runs the same verifier, with these two modules replaced.",
      severity: "error",
      from: { path: "^src/audit/", pathNot: "^src/audit/(sha256|signature)\\.ts$" },
      to: { path: "^(node:)?crypto$" },
    },
    only(
      "transparency-signs-what-is-stored",
      "^src/transparency/",
      ["^src/audit/", "^src/event-store/(log|event-store)\\.ts$", "^node:", "^(fs|path|sqlite|crypto)$"],
      "What signs the log sees stored bytes alone: no domain, no ledger, no API.",
    ),
    only(
      "witness-stands-alone",
      "^src/witness/",
      [
        "^src/audit/",
        "^src/transparency/secret-files\\.ts$",
        "^node:",
        "^(fs|path|sqlite|crypto)$",
        "node_modules/(fastify|@fastify|pino)/",
      ],
      "Whoever only watches the logs of others has no ledger.",
    ),
    only(
      "schedule-is-a-leaf",
      "^src/schedule/",
      ["^src/domain/", "node_modules/(rrule-temporal|zod)/"],
      "Recurrence needs time-zone data, which is no business of the domain's.",
    ),
    only(
      "vault-is-a-leaf",
      "^src/vault/",
      ["^src/domain/", "^src/canonical/", "^node:", "^(fs|path|sqlite|crypto)$", "node_modules/zod/"],
      "Keys of data subjects are reached through the vault's port alone.",
    ),
    only(
      "ledger-decides-and-appends",
      "^src/ledger/",
      [
        "^src/(domain|event-store|canonical|schedule)/",
        "^src/vault/vault\\.ts$",
        "^node:",
        "^(crypto|events)$",
        "node_modules/zod/",
      ],
      "The one place that loads, decides and appends knows ports, not adapters.",
    ),
    {
      name: "projections-never-append",
      comment: "Read models are derived; what they need of the log they are given.",
      severity: "error",
      from: { path: "^src/projections/" },
      to: { path: "^src/(api|cli|vault|keeper)/|^src/event-store/(sqlite|memory)" },
    },
    {
      name: "adapters-are-chosen-in-main",
      comment: "Only the composition root picks a store or a vault.",
      severity: "error",
      from: { pathNot: "^src/(main|composition|event-store|vault)" },
      to: { path: "^src/(event-store|vault)/(sqlite|memory|kurrentdb)" },
    },
    {
      name: "keys-of-the-log-are-chosen-in-main",
      comment: "Only the composition root opens the log's key, its heads and its tiles.",
      severity: "error",
      from: { pathNot: "^src/(main|composition|transparency)" },
      to: { path: "^src/transparency/(keys-folder|sqlite)" },
    },
    {
      name: "main-is-a-root",
      comment: "Nothing depends on the composition root.",
      severity: "error",
      from: { pathNot: "^src/main\\.ts$" },
      to: { path: "^src/main\\.ts$" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
