"""What is the own of RP2040 and RP2350 before the application. Its files are frozen: firmware/boot/manifest_rp2.py."""
