import { filenameOf } from '../filename-of.js';
import type { Handler } from '../handler.js';

export const remove: Handler = async ({ service }, request) => {
  const { filename } = await service.get(filenameOf(request));
  await service.remove(filename, request.caller);
  return { status: 204 };
};
