export const browser = { name: "browser", title: "", run: async () => ({ figures: [] }) };
