// Names and types of the C ABI.
import { cMember, isAggregate, pascal, snake, upper } from "../common.js";

const scalar = {
  bool: "tl_bool", i32: "int32_t", i64: "int64_t", u32: "uint32_t", u64: "uint64_t", f64: "double", time: "tl_time",
  duration: "tl_duration", str: "tl_str", json: "tl_str", bytes: "tl_bytes", list: "tl_list", map: "tl_list", stream: "tl_stream",
};
const optional = {
  bool: "tl_opt_bool", i32: "tl_opt_i32", enum: "tl_opt_i32", i64: "tl_opt_i64", u32: "tl_opt_u32", u64: "tl_opt_u64",
  f64: "tl_opt_f64", time: "tl_opt_i64", duration: "tl_opt_i64",
};

/** C name of a declared type: a leading module name is not repeated (Sms.SmsProvider: tl_sms_provider). */
export function cName({ ns, name }) {
  if (ns === "trunkline") return `tl_${snake(name)}`;
  const short = name.replace(new RegExp(`^${pascal(ns)}(?=[A-Z])`), "");
  return `tl_${ns}_${snake(short)}`;
}
/** C name of an enum constant or union kind. */
export const cConstant = (type, member) => `${cName(type).toUpperCase()}_${upper(member)}`;
export const cErrorCode = (name) => `TL_ERROR_CODE_${upper(name)}`;
export const cDone = (module, iface, op) => `${cName({ ns: module.name, name: iface.name })}_${snake(op.name)}_done`;

/** The type itself: an element of a list, or what a result points to. */
export const cValue = (type) => (type.k === "enum" || isAggregate(type) ? cName(type) : scalar[type.k]);
/** Type of a struct member. Aggregates go by pointer, so that they can grow; frozen ones by value unless optional. */
export function cFieldType(type, isOptional) {
  if (isOptional && optional[type.k]) return optional[type.k];
  if (isAggregate(type)) return type.frozen && !isOptional ? cName(type) : `const ${cName(type)} *`;
  return cValue(type);
}
/** Type of a parameter: every aggregate by pointer. */
export const cParamType = (type, isOptional) => (isAggregate(type) ? `const ${cName(type)} *` : cFieldType(type, isOptional));

export const cDeclare = (type, name) => (type.endsWith("*") ? `${type}${name}` : `${type} ${name}`);
export const cParam = (p) => cDeclare(cParamType(p.type, p.optional), cMember(p.name));
export const cDoneParams = (type) => (type.k === "void" ? "void *user, tl_error *error" : `void *user, const ${cValue(type)} *result, tl_error *error`);
export const cHeader = (module) => `trunkline/${module.file}.h`;
