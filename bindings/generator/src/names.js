// Checks that names stay apart in every target language.
import { $lib } from "./library.js";
import { RESERVED, snake } from "./targets/common.js";
import { cName } from "./targets/c/names.js";

export function checkNames(program, ir) {
  const report = (code, target, format) => $lib.reportDiagnostic(program, { code, target, format });
  const seen = new Map();
  const unique = (module, item) => {
    const name = cName({ ns: module.name, name: item.name });
    const other = seen.get(name);
    if (other) report("name-clash", item.$type, { what: item.name, other, name });
    seen.set(name, item.name);
  };
  // Python's `from` and `to`-like words are common in this field: only names that change in C or C++ as well are worth a warning.
  const reserved = (item) => {
    const languages = ["c", "cpp", "js"].filter((l) => RESERVED[l].has(l === "js" ? item.name : snake(item.name)) && !(l === "js" && !item.bare));
    if (languages.length) report("reserved-word", item.$type, { word: item.name, languages: languages.join(", ") });
  };
  for (const m of ir.modules) {
    for (const x of [...m.enums, ...m.structs, ...m.unions, ...m.interfaces]) unique(m, x);
    for (const x of [...m.structs, ...m.unions]) for (const item of x.fields ?? x.variants) reserved(item);
    for (const i of m.interfaces) for (const op of i.ops) [op, ...op.params].forEach(reserved);
  }
}
