DROP TABLE swap_flows;
DROP TABLE swaps;
