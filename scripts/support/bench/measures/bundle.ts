export const bundle = { name: "bundle", title: "", run: async () => ({ figures: [] }) };
