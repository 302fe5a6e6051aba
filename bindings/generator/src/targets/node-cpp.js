export const emitCpp = () => ({});
