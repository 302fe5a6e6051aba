import module from "./index.cjs";

export const { Home, Trunkline, Phone, Mailbox, Carrier, configure, open, fixtures, test } = module;
