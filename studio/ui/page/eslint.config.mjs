// What `npm run check` asks of the page's modules besides their types.

import js from "@eslint/js";

export default [
  js.configs.recommended,
  {
    rules: {
      "no-undef": "off", // the type check knows what there is
      // A part that is taken out of an object so that the rest is without it needs no use.
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "eqeqeq": ["error", "always", { null: "ignore" }], // == null: null or undefined
      "no-else-return": "error",
      "no-loop-func": "error",
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-unused-expressions": "error",
      "no-var": "error",
      "array-callback-return": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
];
