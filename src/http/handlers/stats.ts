import type { Handler } from '../handler.js';

export const stats: Handler = async ({ service }) => ({ status: 200, body: await service.stats() });
