#!/usr/bin/env python3
"""Write tests/sensors/packages.json: what independent packages make of random registers and frames.

They are too many for every run of the suite, so their answers are kept and compared in every run. To make
them anew, in an environment of its own:

    python3 -m venv ~/packages
    ~/packages/bin/pip install sensirion-i2c-sht3x sensirion-i2c-sht4x pamoja-sensors PyMLX90614 umodbus
    ~/packages/bin/python scripts/package_vectors.py

States each package's version and licence. Nothing of them but their answers is kept here.
"""

from __future__ import annotations

import json
import random
import struct
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from mlx90614 import MLX90614
from pamoja import raw as pamoja
from sensirion_driver_adapters.i2c_adapter.i2c_channel import I2cChannel
from sensirion_i2c_driver import CrcCalculator, I2cConnection
from sensirion_i2c_sht3x.commands import Repeatability
from sensirion_i2c_sht3x.device import Sht3xDevice
from sensirion_i2c_sht4x.device import Sht4xDevice
from umodbus.client.serial import rtu
from umodbus.client.serial.redundancy_check import get_crc

FILE = Path(__file__).parents[1] / "tests/sensors/packages.json"
PACKAGES = ("sensirion-i2c-sht3x", "sensirion-i2c-sht4x", "pamoja-sensors", "PyMLX90614", "uModbus")
VECTORS = 40
SENSIRION_CRC = CrcCalculator(8, 0x31, 0xFF, 0x00)
# Bosch's block with humidity words of both signs in H4 and H5, H3 0 (see tests/sensors/test_bme280.py).
BME280_MAIN = "696d1e683200828f75d6d00b441bfcfff9ffac260ad8bd10004b"
BME280_HUMIDITY = ("6a01001327031e", "6a0100ffc4fee2")
Case = dict[str, Any]


class OneReply:
    """A Sensirion transceiver that answers every read with the same bytes."""

    API_VERSION = 1
    channel_count = None

    def __init__(self, reply: bytes) -> None:
        self.reply = reply

    def transceive(self, *, rx_length: int | None, **_rest: object) -> tuple[int, None, bytes]:
        return 0, None, b"" if rx_length is None else self.reply[:rx_length]


class OneWord:
    """What PyMLX90614 calls a bus: every register holds the same word."""

    def __init__(self, word: int) -> None:
        self.word = word

    def read_word_data(self, _address: int, _register: int) -> int:
        return self.word


def sensirion_reply(chance: random.Random) -> bytes:
    words = [struct.pack(">H", chance.randrange(0x10000)) for _ in range(2)]
    return b"".join(word + bytes([SENSIRION_CRC(word)]) for word in words)


def channel(reply: bytes) -> I2cChannel:
    return I2cChannel(I2cConnection(OneReply(reply)), slave_address=0x44, crc=SENSIRION_CRC)


def sensirion(chance: random.Random, part: str) -> Case:
    reply = sensirion_reply(chance)
    if part == "sht3x":
        temperature, humidity = Sht3xDevice(channel(reply)).measure_single_shot(Repeatability.HIGH, False)
    else:
        temperature, humidity = Sht4xDevice(channel(reply)).measure_high_precision()
    return {"reply": reply.hex(), "celsius": temperature.value, "percent": humidity.value}


def pamoja_sht3x(chance: random.Random) -> Case:
    reply = sensirion_reply(chance)
    found = pamoja.sht3x_parse_measurement(list(reply))
    return {"reply": reply.hex(), "celsius": found.celsius, "percent": found.relative_humidity}


def bme280(chance: random.Random) -> Case:
    """A block a part could give: raw values around the middle of their scales."""
    humidity = chance.choice(BME280_HUMIDITY)
    pressure, temperature = chance.randrange(0x40000, 0x60000), chance.randrange(0x60000, 0x88000)
    moisture = chance.randrange(0x5000, 0x8000)
    block = (pressure << 4).to_bytes(3, "big") + (temperature << 4).to_bytes(3, "big")
    block += moisture.to_bytes(2, "big")
    part = pamoja.Bme280Calibration(list(bytes.fromhex(BME280_MAIN)), list(bytes.fromhex(humidity)))
    found = part.compensate(list(block))
    return {
        "main": BME280_MAIN,
        "humidity": humidity,
        "block": block.hex(),
        "celsius": found.celsius,
        "hectopascals": found.hectopascals,
        "percent": found.relative_humidity_percent,
    }


def ds18b20(chance: random.Random) -> Case:
    celsius, bits = round(chance.uniform(-55, 84), 2), chance.choice((9, 10, 11, 12))
    text = pamoja.ds18b20_w1_slave_text(pamoja.ds18b20_build_scratchpad(celsius, bits, 75, 70))
    return {"text": text, "celsius": pamoja.ds18b20_parse_w1_slave(text).celsius}


def ina219(chance: random.Random) -> Case:
    shunt, bus = chance.randrange(-32000, 32001), chance.randrange(8001) << 3
    return {
        "shunt": shunt & 0xFFFF,
        "bus": bus,
        "shunt_v": pamoja.ina219_shunt_microvolts(shunt) / 1e6,
        "bus_v": pamoja.ina219_bus_millivolts(bus) / 1e3,
    }


def ina226(chance: random.Random) -> Case:
    shunt, bus = chance.randrange(-32767, 32767), chance.randrange(0x8000)
    return {
        "shunt": shunt & 0xFFFF,
        "bus": bus,
        "shunt_v": pamoja.ina226_shunt_nanovolts(shunt) / 1e9,
        "bus_v": pamoja.ina226_bus_microvolts(bus) / 1e6,
    }


def ads1115(chance: random.Random) -> Case:
    """Loop currents of 3.6 to 21 mA over 100 ohm, on the gain of 4.096 V."""
    code = chance.randrange(0x0B41, 0x41A0)
    ads_input = chance.randrange(4)
    config = pamoja.ads1115_config_bits(pamoja.Ads1115Config(mux=4 + ads_input, pga=1, data_rate=4))
    return {
        "code": code,
        "input": ads_input,
        "config": config,
        "volts": pamoja.ads1115_to_nanovolts(1, code) / 1e9,
    }


def mlx90614(chance: random.Random) -> Case:
    word = chance.randrange(0x2DE4, 0x4DC5)
    return {"word": word, "celsius": MLX90614(OneWord(word)).get_obj_temp()}


def modbus(chance: random.Random) -> Case:
    """A request as it goes over the wire, an answer, and what umodbus reads in it."""
    unit, address, count = chance.randrange(1, 248), chance.randrange(0xFF00), chance.randrange(1, 9)
    function = chance.choice((3, 4))
    ask = rtu.read_holding_registers if function == 3 else rtu.read_input_registers
    request = ask(unit, address, count)
    words = [chance.randrange(0x10000) for _ in range(count)]
    answer = struct.pack(f">BBB{count}H", unit, function, 2 * count, *words)
    answer += get_crc(answer)
    return {
        "unit": unit,
        "address": address,
        "count": count,
        "function": function,
        "request": request.hex(),
        "answer": answer.hex(),
        "words": list(rtu.parse_response_adu(answer, request)),
    }


def main() -> None:
    chance = random.Random(20)
    made_by = (f"{name} {metadata(name)['Version']} ({metadata(name)['License']})" for name in PACKAGES)
    many = range(VECTORS)
    body: dict[str, Any] = {
        "made_by": "scripts/package_vectors.py with " + ", ".join(made_by),
        "sht3x": [sensirion(chance, "sht3x") for _ in many],
        "sht4x": [sensirion(chance, "sht4x") for _ in many],
        "sht3x_pamoja": [pamoja_sht3x(chance) for _ in many],
        "bme280": [bme280(chance) for _ in many],
        "ds18b20": [ds18b20(chance) for _ in many],
        "ina219": [ina219(chance) for _ in many],
        "ina226": [ina226(chance) for _ in many],
        "ads1115": [ads1115(chance) for _ in many],
        "mlx90614": [mlx90614(chance) for _ in many],
        "modbus": [modbus(chance) for _ in many],
    }
    lines = (f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in body.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(FILE, body["made_by"])


if __name__ == "__main__":
    main()
