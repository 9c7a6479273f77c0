"""The fault campaign: real account processes against a gateway that goes wrong in every known way.

`tools/chaos.sh --runs N --seed S` draws a world and its faults from each seed, lets the account
process rebalance through them, takes the faults back, and judges what the exchange's own books say.
"""
