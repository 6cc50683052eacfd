/** How grave something is, by the words of the contract; the gravest last, as the service orders them. */
export const SEVERITIES = ['----', 'None', 'mild', 'moderate', 'severe'] as const;
export type Severity = (typeof SEVERITIES)[number];
