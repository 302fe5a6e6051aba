// Layout of ABI structs on every 64-bit target. The headers assert what is computed here.
import { cMember } from "../common.js";
import { cFieldType, cValue } from "./names.js";

// [size, alignment]
const known = {
  tl_bool: [1, 1], int32_t: [4, 4], uint32_t: [4, 4], int64_t: [8, 8], uint64_t: [8, 8], double: [8, 8], tl_time: [8, 8],
  tl_duration: [8, 8], tl_str: [16, 8], tl_bytes: [16, 8], tl_list: [24, 8], tl_opt_bool: [2, 1], tl_opt_i32: [8, 4],
  tl_opt_u32: [8, 4], tl_opt_i64: [16, 8], tl_opt_u64: [16, 8], tl_opt_f64: [16, 8],
};

function measure(cType, type, index) {
  if (cType.endsWith("*")) return [8, 8];
  if (type.k === "enum") return known[cType] ?? [4, 4];
  if (known[cType]) return known[cType];
  const frozen = layoutOf(index.type(type), index); // a frozen struct, by value
  return [frozen.size, frozen.align];
}

/**
 * { members: [{ name, cType, offset, field } | { reserved, bytes, offset }], size, align }. There is no unnamed padding: a
 * field that is appended later must lie beyond the old struct_size, and so must not find room in old padding.
 */
export function layoutOf(struct, index) {
  const members = [];
  let at = struct.frozen ? 0 : 4;
  let align = struct.frozen ? 1 : 8;
  let paddings = 0;
  const padTo = (boundary) => {
    const bytes = (boundary - (at % boundary)) % boundary;
    if (bytes) members.push({ reserved: `reserved${paddings++}`, bytes, offset: at });
    at += bytes;
  };
  let version = struct.fields[0]?.since;
  for (const field of struct.fields) {
    if (field.since !== version) padTo(align); // begins where the older struct ended, not inside its padding
    version = field.since;
    const cType = cFieldType(field.type, field.optional);
    const [size, alignment] = measure(cType, field.type, index);
    padTo(alignment);
    members.push({ name: cMember(field.name), cType, offset: at, field });
    at += size;
    align = Math.max(align, alignment);
  }
  padTo(align);
  return { members, size: at, align };
}

/** Note about what the elements of a list are. */
export const elementNote = (type) => {
  if (type.k === "map") return "Elements: tl_kv.";
  if (type.k === "list") return `Elements: ${cValue(type.of)}.`;
  return "";
};
