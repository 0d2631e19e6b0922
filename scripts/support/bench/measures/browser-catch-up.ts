export const browserCatchUp = { name: "browser-catch-up", title: "", run: async () => ({ figures: [] }) };
