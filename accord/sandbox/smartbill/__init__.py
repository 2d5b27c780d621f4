"""The sandbox's SmartBill: invoices without a list, numbers that are given out again, and a block that lasts."""
