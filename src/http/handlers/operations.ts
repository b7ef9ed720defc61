import type { Handler } from '../handler.js';

export const status: Handler = async ({ service }) => ({ status: 200, body: await service.status() });

export const readOperation: Handler = async ({ service }, { params }) => ({
  status: 200,
  body: { operation: await service.operation(params.id ?? '') },
});

export const cancelOperation: Handler = async ({ service }, { params, caller }) => ({
  status: 202,
  body: { operation: await service.cancel(params.id ?? '', caller) },
});
