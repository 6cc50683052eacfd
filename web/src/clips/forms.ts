/** As what a clip is given away. `mp4`: the film alone; `film`: it with a signed manifest; `files`: the recorded files. */
export const KINDS = ['mp4', 'film', 'files'] as const;
export type Kind = (typeof KINDS)[number];
