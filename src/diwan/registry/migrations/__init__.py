"""How a register of an earlier shape is brought to the present one."""
