import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

const pure = "src/domain is pure: instants, ids and randomness arrive as arguments (docs/ARCHITECTURE.md).";

export default tseslint.config(
  { ignores: ["node_modules", "coverage", "dist", "**/*.cjs"] },
  eslint.configs.recommended,
  ...tseslint.configs.strict,
  {
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-non-null-assertion": "off",
      "no-control-regex": "off",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-console": "error",
    },
  },
  { files: ["src/cli/**", "bench/**", "test/**", "examples/**"], rules: { "no-console": "off" } },
  {
    files: ["src/domain/**"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...["process", "fetch", "crypto", "performance", "setTimeout", "setInterval", "setImmediate", "console", "Buffer"].map(
          (name) => ({ name, message: pure }),
        ),
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: pure },
        { object: "Math", property: "random", message: pure },
        { object: "Temporal", property: "Now", message: pure },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: pure },
        { selector: "CallExpression[callee.name='Date']", message: pure },
      ],
    },
  },
);
