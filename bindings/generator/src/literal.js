// Defaults: TypeSpec values -> { k, value }.

/** undefined when the value has no form in the target languages. Durations are in nanoseconds. */
export function literal(value) {
  switch (value.valueKind) {
    case "EnumValue": return { k: "enum", value: value.value.name };
    case "NumericValue": return { k: "number", value: value.value.asNumber() };
    case "StringValue": return { k: "string", value: value.value };
    case "BooleanValue": return { k: "bool", value: value.value };
    case "ArrayValue": return value.values.length === 0 ? { k: "list", value: [] } : undefined;
    case "ScalarValue": {
      const text = value.value.args[0]?.value;
      if (value.scalar.name !== "duration" || value.value.name !== "fromISO") return undefined;
      const ns = parseIsoDuration(text);
      return ns === undefined ? undefined : { k: "duration", value: ns, iso: text };
    }
  }
  return undefined;
}

/** Nanoseconds of an ISO 8601 duration without years and months. */
export function parseIsoDuration(text) {
  const match = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?$/.exec(text);
  if (!match) return undefined;
  const [weeks, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  const whole = ((weeks * 7 + days) * 24 + hours) * 60 + minutes;
  return Math.round((whole * 60 + seconds) * 1e9);
}
